# attack = "has pages of the image's files in pipes and mappings, writes to them there by every call that moves pages, and looks in the next run"
# threats = [30]
# before = "neighbours/image_pipes"
# outcome = "OK"
# stdout = """
# unchanged
# """
import ctypes
import mmap
import os

from attack import escaped, libc

PATHS = "/usr/lib/python3.11/antigravity.py", "/usr/lib/python3.11/this.py", "/usr/bin/true"
MARK = b"PIPED".lower() * 3
SPLICE_F_MOVE, SPLICE_F_GIFT, MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT = 1, 8, 4, 20, 21
libc.mmap.restype = libc.vmsplice.restype = libc.tee.restype = ctypes.c_ssize_t
libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def pipe_with_marks():
    """Return a pipe whose buffers have all been written to, and so may be merged with what is written next."""
    reader, writer = os.pipe()
    for _ in range(16):
        os.write(writer, bytes(4096))
        os.read(reader, 4096)
    return reader, writer


def write_on(fd):
    """Move pages of the file into pipes, and write on behind them."""
    for move in (
        lambda writer: os.splice(fd, writer, 1, offset_src=0, flags=SPLICE_F_MOVE | SPLICE_F_GIFT),
        lambda writer: os.sendfile(writer, fd, 0, 1),
        lambda writer: libc.vmsplice(writer, ctypes.byref(mapped(fd)), 1, SPLICE_F_GIFT),
    ):
        reader, writer = pipe_with_marks()
        move(writer)
        os.write(writer, MARK)
        other_reader, other_writer = pipe_with_marks()
        libc.tee(reader, other_writer, 4096, 0)
        os.write(other_writer, MARK)
        for end in (reader, writer, other_reader, other_writer):
            os.close(end)


def mapped(fd):
    place = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    return Vector(place, 1)


def take_in(fd):
    """Have the kernel write to a mapping of the file, in its own name."""
    place = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    source = os.memfd_create("marks")
    os.write(source, MARK)
    vector = Vector(place, len(MARK))
    libc.preadv(source, ctypes.byref(vector), 1, ctypes.c_long(0))
    reader, writer = os.pipe()
    os.write(writer, MARK)
    libc.vmsplice(reader, ctypes.byref(vector), 1, 0)
    libc.mprotect(ctypes.c_void_p(place), ctypes.c_size_t(mmap.PAGESIZE), mmap.PROT_READ | mmap.PROT_WRITE)
    libc.preadv(source, ctypes.byref(vector), 1, ctypes.c_long(0))
    for advice in (MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT):
        libc.madvise(ctypes.c_void_p(place), ctypes.c_size_t(mmap.PAGESIZE), advice)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def look():
    for path in PATHS:
        with open(path, "rb") as file:
            if MARK in file.read():
                escaped(f"a mark in {path}")


look()
for path in PATHS:
    fd = os.open(path, os.O_RDONLY)
    before = os.pread(fd, 8192, 0)
    write_on(fd)
    take_in(fd)
    if os.pread(fd, 8192, 0) != before:
        escaped(f"changed {path}")
look()
print("unchanged")
