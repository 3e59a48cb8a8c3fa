# fresh = true
import random

items = list(range(1000))
random.shuffle(items)
print(items[:20])
