# fresh = true
import random

print(random.random(), random.getrandbits(64), random.choice(range(10**9)))
