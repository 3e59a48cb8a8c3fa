"""What can be said of a message before, or although, it cannot be parsed: how many fields it has, which text is no UTF-8.

Reads the wire format by its own rules (protobuf.dev/programming-guides/encoding) and gives up on what is no message. What it writes
are messages of one large field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_MAX_VARINT_BYTES = 10


def put_field(kind: type[Message], name: str, *content: bytes | bytearray) -> list[bytes | bytearray]:
    """Return a field of bytes, or of a message, as pieces of what is on the wire: what comes before its content, and that as it is.

    A message object would copy it when it is set, and when it is written.
    """
    number = kind.DESCRIPTOR.fields_by_name[name].number
    return [_put_varint(number << 3 | 2), _put_varint(sum(map(len, content))), *content]


def has_more_fields(kind: Any, data: bytes, most: int) -> bool:
    """Whether a message and those in it have more fields than that. Parsed, each may take fifty times its two bytes."""
    try:
        return _count(kind, memoryview(data), most) > most
    except ValueError:
        return False


def _count(kind: Any, data: memoryview, most: int) -> int:
    count = 0
    for number, content in _fields(data):
        count += 1
        field = kind.fields_by_number.get(number)
        if content is not None and field is not None and field.message_type is not None:
            count += _count(field.message_type, content, most - count)
        if count > most:
            break
    return count


def find_invalid(kind: Any, data: bytes) -> str | None:
    """Return the path of the first field whose text is not UTF-8, such as ``files[3].path``; None where there is none."""
    try:
        return _find(kind, memoryview(data))
    except ValueError:
        return None


def _find(kind: Any, data: memoryview) -> str | None:
    seen: Counter[int] = Counter()
    for number, content in _fields(data):
        field = kind.fields_by_number.get(number)
        if field is None or content is None:
            continue
        place = f"{field.name}[{seen[number]}]" if field.is_repeated else field.name
        seen[number] += 1
        if field.type == FieldDescriptor.TYPE_STRING and not _is_text(content):
            return place
        message = field.message_type
        if message is not None and (below := _find(message, content)) is not None:
            return place if message.GetOptions().map_entry else f"{place}.{below}"
    return None


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """Yield each field's number, and its content where that has a length of its own.

    No message of ours has groups, but a parser passes over them: what is in one has the number 0, which is no field's.
    """
    position = groups = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, content = 0 if groups else tag >> 3, None
        match tag & 7:
            case 0:
                _, position = _varint(data, position)
            case 1:
                position += 8
            case 2:
                size, position = _varint(data, position)
                content = data[position : position + size]
                position += size
            case 3:
                groups += 1
            case 4 if groups:
                groups -= 1
            case 5:
                position += 4
            case other:
                raise ValueError(f"wire type {other}")
        if position > len(data):
            raise ValueError("cut short")
        yield number, content


def _put_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:  # noqa: PLR2004  (seven bits a byte)
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return a number and the position behind it."""
    value = 0
    for shift in range(_MAX_VARINT_BYTES):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:  # noqa: PLR2004  (the last byte of a number has no continuation bit)
            return value, position
    raise ValueError("a number that does not end")


def _is_text(content: memoryview) -> bool:
    try:
        str(content, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
