import multiprocessing
import os


def work(x):
    return x * x, multiprocessing.current_process().name


if __name__ == "__main__":
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        print(pool.map(work, range(3)))
