"""What a soak asks the server itself, for from outside gaps in its memory look like leaks. Python runs this before the server, from PYTHONPATH.

Who connects to the socket that ``SOAK_PROBE`` names is told, in JSON, how many blocks Python has allocated for objects and how many bytes
of the heap are in use.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import socket
import sys
import threading


class _Heap(ctypes.Structure):
    """struct mallinfo2."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    ]


def _answer(listening: socket.socket) -> None:
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Heap
    while True:
        connection, _ = listening.accept()
        with connection:
            gc.collect()
            heap = mallinfo()
            connection.sendall(json.dumps([sys.getallocatedblocks(), heap.uordblks + heap.hblkhd]).encode())


if "serve" in sys.argv:
    _socket = socket.socket(socket.AF_UNIX)
    _socket.bind("\0" + os.environ["SOAK_PROBE"])
    _socket.listen()
    threading.Thread(target=_answer, args=(_socket,), daemon=True).start()
