import sys

sys.setrecursionlimit(20_000)


def descend(n):
    return n and 1 + descend(n - 1)


print(descend(15_000))
