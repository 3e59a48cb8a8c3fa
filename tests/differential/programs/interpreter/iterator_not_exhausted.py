# A function of the program's keeps it until the collector comes.
import os
import warnings

warnings.simplefilter("default")
entries = os.scandir("/etc")


def first():
    return next(entries).is_dir()


print(first() in (True, False))
