import json

deepest = 0
try:
    for depth in range(100, 100_000, 100):
        json.loads("[" * depth + "]" * depth)
        deepest = depth
except RecursionError:
    print(deepest)
