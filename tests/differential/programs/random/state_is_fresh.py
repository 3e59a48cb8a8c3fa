# fresh = true
import random

print(hash(random.getstate()))
