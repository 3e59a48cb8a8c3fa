"""What is said of a request before it is parsed: how many fields it has, and which text is not UTF-8."""

from __future__ import annotations

from google.protobuf.message import DecodeError, Message

from sandboxd.api.wire_format import find_invalid, has_more_fields
from sandboxd.v1 import execution_service_pb2 as pb
from tests.fuzz import contract

_KINDS = (pb.ExecuteRequest, pb.ExecuteStreamRequest, pb.CancelExecutionRequest)


def fuzz(data: bytes) -> None:
    """Blame a text only where protobuf refuses the whole, by a path that the contract has, and count no less than it makes.

    A bound that counted less than the parser makes would be none.
    """
    for kind in _KINDS:
        message, blamed = _parsed(kind, data), find_invalid(kind.DESCRIPTOR, data)
        assert message is None or blamed is None, blamed
        # A map's entry is named by its place: its key may be the text that is none.
        assert blamed is None or contract.has(kind.DESCRIPTOR, blamed), blamed
        counts = [has_more_fields(kind.DESCRIPTOR, data, most) for most in (0, 1, 10, 100, len(data))]
        assert counts == sorted(counts, reverse=True), counts
        assert not counts[-1], "a field has a byte at least"
        if message is not None and (made := _elements(message)):
            assert has_more_fields(kind.DESCRIPTOR, data, made - 1), made


def _parsed(kind: type[Message], data: bytes) -> Message | None:
    try:
        return kind.FromString(data)
    except DecodeError:
        return None


def _elements(message: Message) -> int:
    """Count the fields and elements that a parser has made."""
    count = 0
    for descriptor, value in message.ListFields():
        below = descriptor.message_type is not None and not descriptor.message_type.GetOptions().map_entry
        values = value if descriptor.is_repeated else [value]
        count += len(values) + sum(_elements(element) for element in values if below)
    return count
