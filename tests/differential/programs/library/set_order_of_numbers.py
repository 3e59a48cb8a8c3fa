print({3, 1, 2, 100, -5}, {1: 2, 0: 1}, frozenset(range(20)))
