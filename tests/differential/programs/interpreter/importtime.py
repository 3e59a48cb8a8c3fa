# env = { PYTHONPROFILEIMPORTTIME = "1" }
# differs = { stderr = "it is times" }
import json

print(json.dumps({}))
