# The program's directory comes before the library.
# files = { "json.py" = "print('mine')\ndumps = repr", "random.py" = "print('my random')" }
import json
import random

print(json.dumps({}), json.__file__, random.__file__)
