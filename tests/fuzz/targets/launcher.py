"""The messages between server and launcher, and the values in them. Both ends are ours."""

from __future__ import annotations

import contextlib
import json
import struct
from typing import Any

from sandboxd.runtime import wire
from sandboxd.runtime.spec import ContainerSpec

# What a header that is none is refused with. Nobody catches it: a launcher that is told nonsense ends.
_NO_MESSAGE = (ValueError, struct.error, RecursionError)
_NO_SPEC = (TypeError, KeyError, ValueError)


def fuzz(data: bytes) -> None:
    """Take any bytes apart into a header and a blob that come out of a message again, or refuse them.

    A header that makes a container's spec makes the same one when it has travelled on.
    """
    try:
        header, blob = wire.decode(data)
    except _NO_MESSAGE:
        return
    again = wire.decode(wire.encode(header, blob))
    assert _text(header) == _text(again[0])
    assert blob == again[1]
    with contextlib.suppress(*_NO_SPEC):
        plain = ContainerSpec.from_json(header).to_json()
        assert _text(plain) == _text(ContainerSpec.from_json(json.loads(json.dumps(plain))).to_json())


def _text(value: Any) -> str:
    """Return a value as text: NaN is not equal to itself."""
    return json.dumps(value, sort_keys=True, default=repr)
