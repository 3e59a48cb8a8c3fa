# attack = "writes to pages of the image's files in every way that leaves no trace on a disk, and looks in the next run"
# threats = [30]
# before = "neighbours/image_pages"
# outcome = "OK"
# stdout = """
# open: EACCES
# through its descriptor: EACCES
# mapped shared: EACCES
# written to own memory only
# """
import mmap
import os

from attack import attempt, escaped

PATH = "/usr/lib/python3.11/antigravity.py"
MARK = b"MARK".lower() * 4


def look():
    with open(PATH, "rb") as image:
        if MARK in image.read():
            escaped(f"a mark in {PATH}")


look()
attempt("open", os.open, PATH, os.O_RDWR)
fd = os.open(PATH, os.O_RDONLY)
attempt("through its descriptor", os.open, f"/proc/self/fd/{fd}", os.O_RDWR)
attempt("mapped shared", mmap.mmap, fd, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
own = mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
own[: len(MARK)] = MARK
shared = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ)
with open("/proc/self/maps") as maps, open("/proc/self/mem", "r+b", buffering=0) as memory:
    places = [line.split() for line in maps if line.rstrip().endswith(PATH)]
    for place in places:
        memory.seek(int(place[0].partition("-")[0], 16))
        try:
            memory.write(MARK)  # a write by force, which a mapping that is read only does not stop
        except OSError:
            pass
if MARK in shared[:] or not own[:].startswith(MARK):
    escaped("a mark in pages that others see")
look()
print("written to own memory only")
