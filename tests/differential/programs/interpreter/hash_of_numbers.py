print(hash(1), hash(1.5), hash((1, 2, 3)), hash(None) != 0, hash(-1), hash(2**61), hash(float("inf")), hash(1j))
