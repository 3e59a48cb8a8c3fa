"""A server as a process of its own, with the patience that this machine asks for."""

from __future__ import annotations

import functools

from sandboxd.client.server import ServerFailed, ServerProcess
from sandboxd.client.server import serving as _serving
from tests.slowness import SLOWNESS

__all__ = ["ServerFailed", "ServerProcess", "serving"]

serving = functools.partial(_serving, patience=SLOWNESS)
