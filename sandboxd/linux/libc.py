"""The door to the kernel: libc's symbols and raw system calls, declared once, every failure an OSError.

Numbers from 424 on are the same on every architecture (the kernel's unified table, since Linux 5.1), so
the few calls that libc does not wrap everywhere need no table per machine.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)


def raise_errno(result: int, func: Any, _args: Any) -> int:
    """ctypes ``errcheck``: -1 becomes OSError with errno and the call's name."""
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{getattr(func, '__name__', func)}: {os.strerror(code)}")
    return result


def declare(name: str, *argtypes: Any, raises: bool = True) -> Any:
    """Return libc's function ``name`` with its argument types set; -1 is raised, or left to a caller who expects it."""
    func = getattr(_libc, name)
    func.argtypes = argtypes
    func.restype = ctypes.c_int
    if raises:
        func.errcheck = raise_errno
    return func


def declare_syscall(number: int, name: str, *argtypes: Any) -> Any:
    """Return a callable for the system call ``number``; arguments are checked and converted as declared."""
    prototype = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, *argtypes, use_errno=True)
    func = prototype(("syscall", _libc))

    def call(*args: Any) -> int:
        result: int = func(number, *args)
        if result == -1:
            code = ctypes.get_errno()
            raise OSError(code, f"{name}: {os.strerror(code)}")
        return result

    call.__name__ = name
    return call
