# files = { "part.py" = "class Thing:\n    def __init__(self, x):\n        self.x = x\n\ndef double(thing):\n    return Thing(2 * thing.x)\n" }
import multiprocessing

import part


class Mine(part.Thing):
    pass


def triple(mine):
    return Mine(3 * mine.x)


if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply(part.double, [part.Thing(2)]).x, pool.apply(triple, [Mine(2)]).x)
