# fresh = true
import uuid

print(uuid.uuid4(), uuid.uuid1().time)
