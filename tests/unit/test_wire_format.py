"""What is said of a message before it is parsed is what protobuf's own parser finds in it."""

from __future__ import annotations

import itertools

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from sandboxd.api import handlers
from sandboxd.api.wire_format import find_invalid, has_more_fields, put_field
from sandboxd.errors import InvalidSubmission
from sandboxd.v1 import execution_service_pb2 as pb

KIND = pb.ExecuteRequest.DESCRIPTOR
VARINT, FIXED64, BYTES, BEGIN, END, FIXED32 = range(6)
UNKNOWN = 1000
NOT_TEXT = b"\xff"


def varint(value):
    """Encode a number."""
    groups = [value >> shift & 0x7F for shift in range(0, max(1, value.bit_length()), 7)]
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


def field(number, wire_type, content=b""):
    """Encode a field; what has a length gets it."""
    return varint(number << 3 | wire_type) + (varint(len(content)) if wire_type == BYTES else b"") + content


def parsed(data):
    """Parse a request by protobuf itself; None where it is none."""
    try:
        return pb.ExecuteRequest.FromString(data)
    except DecodeError:
        return None


def elements(message):
    """Count the fields and elements that a parser has made."""
    count = 0
    for descriptor, value in message.ListFields():
        below = descriptor.message_type is not None and not descriptor.message_type.GetOptions().map_entry
        values = value if descriptor.is_repeated else [value]
        count += len(values) + sum(elements(element) for element in values if below)
    return count


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16383, 16384, 262144, 2097152])
@pytest.mark.parametrize(
    ("kind", "name"),
    [(pb.ExecuteStreamResponse, "stdout"), (pb.StreamLogsResponse, "stderr"), (pb.AttachExecutionResponse, "stdout")],
)
def test_a_message_of_output_is_as_protobuf_writes_it(kind, name, size):
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)

    assert kind(**{name: content}).SerializeToString() == b"".join(put_field(kind, name, content))


# Messages in which every field ends where it says, be it one of ours, one with another type, or one of a newer contract.

texts = st.sampled_from([b"", b"a", "ü".encode(), NOT_TEXT, b"\xc3", b"\xed\xa0\x80"])
plain = st.one_of(
    st.tuples(st.just(VARINT), st.integers(0, 2**64 - 1).map(varint)),
    st.tuples(st.just(FIXED64), st.binary(min_size=8, max_size=8)),
    st.tuples(st.just(FIXED32), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(BYTES), texts),
)


def groups(numbers):
    """Return groups, and in each any fields."""
    inside = st.lists(st.tuples(numbers, plain).map(lambda found: field(found[0], *found[1])), max_size=3).map(b"".join)
    return st.tuples(numbers, inside).map(lambda found: field(found[0], BEGIN) + found[1] + field(found[0], END))


def messages(kind):
    """Return messages of a kind as bytes."""
    numbers = st.sampled_from([*kind.fields_by_number, UNKNOWN])
    fields = [groups(numbers)]
    for number in (*kind.fields_by_number, UNKNOWN):
        known = kind.fields_by_number.get(number)
        content = messages(known.message_type) if known is not None and known.message_type is not None else texts
        fields.append(content.map(lambda content, number=number: field(number, BYTES, content)))
        others = plain.filter(lambda found: found[0] != BYTES)
        fields.append(others.map(lambda found, number=number: field(number, *found)))
    return st.lists(st.one_of(fields), max_size=5).map(b"".join)


requests = messages(KIND)


@given(requests)
@example(field(1, BYTES, b"\xed\xa0\x80"))  # half of a pair of UTF-16
@example(field(UNKNOWN, BEGIN) + field(1, BYTES, NOT_TEXT) + field(UNKNOWN, END))
def test_what_cannot_be_parsed_has_a_text_that_is_none(data):
    """And what can be parsed has no such text, whatever else is in it."""
    assert (parsed(data) is None) == (find_invalid(KIND, data) is not None)


@given(requests)
def test_no_more_is_made_than_is_counted(data):
    """A bound that counted less than the parser makes would be none."""
    message = parsed(data)
    if message is not None and (made := elements(message)):
        assert has_more_fields(KIND, data, made - 1)


@given(st.one_of(requests, st.binary()), st.integers(0, 40), st.integers(0, 3))
def test_bytes_that_are_no_message_have_an_answer_too(data, end, most):
    """Cut anywhere, or anything at all: nothing raises, and a text is blamed only where protobuf refuses the whole."""
    cut = data[:end]
    named, more = find_invalid(KIND, cut), has_more_fields(KIND, cut, most)

    assert named is None or parsed(cut) is None
    assert not more or len(cut) > most, "a field has a byte at least"


def test_each_field_and_each_in_it_counts():
    request = pb.ExecuteRequest(request_id="r", files=[pb.File(path="a", mode=1)] * 3, env={"A": "1", "B": "2"})
    count = 1 + 3 * (1 + 2) + 2 * (1 + 2)
    data = request.SerializeToString()

    assert [True, False] == [has_more_fields(KIND, data, most) for most in (count - 1, count)]


@pytest.mark.parametrize(
    "before",
    [
        field(UNKNOWN, VARINT, varint(2**64 - 1)),
        field(UNKNOWN, FIXED64, bytes(8)),
        field(UNKNOWN, BYTES, b"?"),
        field(UNKNOWN, FIXED32, bytes(4)),
        field(UNKNOWN, BEGIN) + field(UNKNOWN, END),
        field(1, BEGIN) * 50 + field(1, END) * 50,
    ],
)
def test_nothing_that_a_parser_passes_over_hides_what_follows(before):
    data = before + pb.ExecuteRequest(command=pb.Command(argv=[""] * 1000)).SerializeToString()

    assert 1000 == len(parsed(data).command.argv)
    assert has_more_fields(KIND, data, 1000)


def test_groups_in_groups_are_not_followed():
    """So many would be too deep for a function that calls itself."""
    data = field(UNKNOWN, BEGIN) * 100_000

    assert parsed(data) is None
    assert find_invalid(KIND, data) is None
    assert [True, False] == [has_more_fields(KIND, data, most) for most in (99_999, 100_000)]


@pytest.mark.parametrize("hidden_by", [b"", field(UNKNOWN, BEGIN) + field(UNKNOWN, END)], ids=["nothing", "a group"])
def test_200_000_fields_are_parsed_and_no_more(hidden_by):
    def words(count):
        return hidden_by + pb.ExecuteRequest(command=pb.Command(argv=[""] * count)).SerializeToString()

    assert 199_990 == len(handlers.parse(pb.ExecuteRequest, words(199_990)).command.argv)
    with pytest.raises(InvalidSubmission) as error:
        handlers.parse(pb.ExecuteRequest, words(200_001))
    assert ["request"] == [violation.field for violation in error.value.violations]


def paths(kind, above=""):
    """Yield the path of each text of a message, and a message in which that alone is none; of repeated ones the second."""
    for known in kind.fields:
        place = f"{above}{known.name}[1]" if known.is_repeated else f"{above}{known.name}"
        before = field(known.number, BYTES) if known.is_repeated else b""
        if known.message_type is not None:
            is_map = known.message_type.GetOptions().map_entry
            for path, content in paths(known.message_type, f"{place}."):
                yield (place if is_map else path), before + field(known.number, BYTES, content)
        elif known.type == FieldDescriptor.TYPE_STRING:
            yield place, before + field(known.number, BYTES, NOT_TEXT)


@pytest.mark.parametrize(("path", "data"), list(paths(KIND)))
def test_a_text_that_is_none_is_named_by_its_path(path, data):
    """Among others of its field, in messages in messages, as a key and as a value."""
    assert parsed(data) is None
    assert path == find_invalid(KIND, data)


def test_bytes_may_be_anything():
    data = pb.ExecuteRequest(stdin=NOT_TEXT, files=[pb.File(content=NOT_TEXT)]).SerializeToString()

    assert find_invalid(KIND, data) is None


def test_the_first_is_named():
    order = [field(10, BYTES, NOT_TEXT), field(1, BYTES, NOT_TEXT)]

    assert ["policy", "request_id"] == [
        find_invalid(KIND, first + last) for first, last in itertools.permutations(order)
    ]
