"""What a client is told when there is no answer: small enough for its headers."""

from __future__ import annotations

import base64
import urllib.parse

from google.rpc import status_pb2

_MOST_BYTES = 8192 - 512  # what gRPC's clients take, without what is in every answer


def check_size(status: status_pb2.Status) -> None:
    """Check that a client would read the status: it is in the headers twice, as text and as base64."""
    size = len(urllib.parse.quote(status.message, safe="")) + len(base64.b64encode(status.SerializeToString()))
    assert size <= _MOST_BYTES, size
