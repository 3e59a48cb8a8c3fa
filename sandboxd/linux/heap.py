"""The C library's heap, of which Python and gRPC allocate."""

from __future__ import annotations

import ctypes

from sandboxd.linux.libc import declare

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE_BYTES = 512 << 10
_RESERVE_BYTES = 32 << 20
_mallopt = declare("mallopt", ctypes.c_int, ctypes.c_int)


def keep_small() -> None:
    """Keep the heap from growing over days by its gaps alone. Before threads are started.

    glibc gives each thread a heap of its own. What one thread allocates and another frees, as with gRPC, leaves gaps in each, and each keeps the most that it
    ever held. With one for all there are fewer; threads that wait for Python's lock do not allocate at the same time anyway. And glibc
    learns from large blocks that are freed to take them from the heap, too, where they leave large gaps: not when it is told the size.
    It is told half a MiB, so that a chunk of output, which is copied some times on its way, is not copied into new pages each time. And what is free
    at the heap's end stays, up to two outputs of 16 MiB: of 9 ms that it takes to keep one, 7 were for pages that the one before had given back.
    """
    _mallopt(_M_ARENA_MAX, 1)
    _mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    _mallopt(_M_TRIM_THRESHOLD, _RESERVE_BYTES)
