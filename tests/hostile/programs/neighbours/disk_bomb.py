# attack = "fills the disk with bytes and then with files, beside an honest neighbour"
# threats = [3, 31]
# beside = "neighbours/honest"
# limits = { disk_bytes = "16MiB" }
# outcome = "OK"
# stdout = """
# bytes: ENOSPC
# files: ENOSPC
# """
import os

from attack import attempt


def fill():
    file.writelines([bytes(1 << 20)] * 64)
    return "64 MiB"


def litter():
    for number in range(20_000):
        os.mknod(f"/dev/shm/{number}")
    return "20,000 files"


with open("/tmp/block", "wb", buffering=0) as file:
    attempt("bytes", fill)
os.truncate("/tmp/block", 0)
attempt("files", litter)
