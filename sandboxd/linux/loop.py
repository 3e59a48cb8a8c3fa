"""Loop devices, for kernels that cannot mount an erofs file directly. See loop(4)."""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A  # Linux 5.8
_LO_FLAGS_READ_ONLY = 1
_LO_FLAGS_AUTOCLEAR = 4
_CONTROL_DEVICE = os.makedev(10, 237)
_LOOP_MAJOR = 7
# struct loop_config: fd, block size, struct loop_info64 (232 bytes, of which lo_flags is at 52), 8 reserved words.
_CONFIG_BYTES = 4 + 4 + 232 + 64
_FLAGS_OFFSET = 8 + 52


@contextmanager
def attached(path: str) -> Iterator[str]:
    """Give a read-only block device that shows the file ``path``; the kernel frees it with its last user.

    The nodes are made in the current directory's root, which must be a tmpfs of the caller's own.
    """
    control_node, device_node = "/loop-control", "/loop"
    os.mknod(control_node, stat.S_IFCHR | 0o600, _CONTROL_DEVICE)
    try:
        control = os.open(control_node, os.O_RDWR | os.O_CLOEXEC)
    finally:
        os.unlink(control_node)
    try:
        number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
    finally:
        os.close(control)
    os.mknod(device_node, stat.S_IFBLK | 0o600, os.makedev(_LOOP_MAJOR, number))
    try:
        device = os.open(device_node, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _configure(device, path)
            yield device_node
        finally:
            os.close(device)
    finally:
        os.unlink(device_node)


def _configure(device: int, path: str) -> None:
    backing = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        config = bytearray(_CONFIG_BYTES)
        struct.pack_into("=I", config, 0, backing)
        struct.pack_into("=I", config, _FLAGS_OFFSET, _LO_FLAGS_READ_ONLY | _LO_FLAGS_AUTOCLEAR)
        fcntl.ioctl(device, _LOOP_CONFIGURE, bytes(config))
    finally:
        os.close(backing)
