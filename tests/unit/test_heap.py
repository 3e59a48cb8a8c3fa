"""One heap for all threads, without large blocks: each beside a process that has left glibc as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.observe import thread_heaps

REPOSITORY = Path(__file__).resolve().parents[2]
BEGIN = """
import ctypes, sys, threading
from sandboxd.linux import heap

if sys.argv[1] == "small":
    heap.keep_small()
malloc, free = ctypes.CDLL(None).malloc, ctypes.CDLL(None).free
malloc.restype, free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
"""
THREADS = """
all_there = threading.Barrier(9)

def allocate():
    malloc(4096)
    all_there.wait()
    all_there.wait()

for _ in range(8):
    threading.Thread(target=allocate, daemon=True).start()
all_there.wait()
print(flush=True)
sys.stdin.read()
"""
END = """
def end_of_heap():
    (line,) = (line for line in open("/proc/self/maps") if "[heap]" in line)
    return int(line.split()[0].partition("-")[2], 16)
"""
LARGE = """
free(malloc(1 << 20))
before = end_of_heap()
malloc(1 << 20)
print(end_of_heap() - before >= 1 << 19)
"""

CHUNKS = """
chunks = [malloc(1 << 18) for _ in range(4 * int(sys.argv[2]))]
before = end_of_heap()
for chunk in reversed(chunks):
    free(chunk)
print(before - end_of_heap() < 1 << 20)
"""


def started(program, *arguments):
    """Start a Python of its own."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", BEGIN + END + program, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize(("kind", "some"), [("small", False), ("as it is", True)])
def test_threads_have_no_heaps_of_their_own(kind, some):
    with started(THREADS, kind) as process:
        process.stdout.readline()
        heaps = thread_heaps(process.pid)

    assert some is (heaps > 0)


@pytest.mark.parametrize(("kind", "in_it"), [("small", "False"), ("as it is", "True")])
def test_a_large_block_is_not_in_the_heap(kind, in_it):
    """Though one before it was freed."""
    with started(LARGE, kind) as process:
        assert in_it == process.communicate()[0].strip()


@pytest.mark.parametrize(("kind", "mib", "kept"), [("small", "30", "True"), ("small", "40", "False")])
def test_what_chunks_leave_is_kept_for_the_next(kind, mib, kept):
    """As far as it is no more than some output's."""
    with started(CHUNKS, kind, mib) as process:
        assert kept == process.communicate()[0].strip()
