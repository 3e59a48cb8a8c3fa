# fresh = true
import uuid

print(uuid.getnode())
