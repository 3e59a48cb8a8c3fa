"""Requests made field by field: whatever is in them, they are answered; what is good is accepted, what is bad is named."""

from __future__ import annotations

import functools
import math
import struct

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxd.v1 import execution_service_pb2 as pb
from tests.fuzz.targets import requests

# The same each time: CI must fail for what was changed. ``make fuzz`` is what looks for the unknown.
fixed = settings(derandomize=True, database=None, deadline=None, max_examples=60)

# Any message of the contract, with what is most likely to be wrong.

UINT32, UINT64, INT32, INT64 = (0, 2**32 - 1), (0, 2**64 - 1), (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)
RANGES = {
    FieldDescriptor.TYPE_UINT32: UINT32,
    FieldDescriptor.TYPE_UINT64: UINT64,
    FieldDescriptor.TYPE_INT32: INT32,
    FieldDescriptor.TYPE_INT64: INT64,
}
LIMITS_OF_OTHERS = (0, 1, 64, 65, 80, 0o777, 0o1000, 4096, 65535, 65536, 999_999_999, 10**9, 315_576_000_000)
WORDS = [
    *(
        "",
        "a",
        "a/b",
        "a/b/c",
        "main.py",
        "main.c",
        "/a",
        "..",
        "../a",
        "a/../b",
        "a//b",
        "a/",
        ".",
        "a\0b",
        "\0",
        "=",
        "A=B",
    ),
    *("python", "c", "sh", "default", "nope", requests.KNOWN, "**", "**/*.py", "[", "[!a]", "-x", "@x", "ü" * 90),
    *('"]', "a.b", "\n", "\U0010ffff" * 70, "x" * 129, "x" * 256, "a/" * 64 + "a", "x/" * 2100),
]
texts = st.sampled_from(WORDS) | st.text(max_size=8)


def numbers(low, high):
    return st.sampled_from([n for n in (low, high, *LIMITS_OF_OTHERS) if low <= n <= high]) | st.integers(low, high)


def values(field):
    """Return values of a field, be it one of many or alone."""
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return messages(field.message_type)
    if field.type in RANGES:
        return numbers(*RANGES[field.type])
    return {
        FieldDescriptor.TYPE_STRING: texts,
        FieldDescriptor.TYPE_BYTES: st.binary(max_size=8) | st.just(bytes(70_000)),
        FieldDescriptor.TYPE_BOOL: st.booleans(),
        FieldDescriptor.TYPE_DOUBLE: st.floats() | st.sampled_from([0.0, -0.0, 0.01, 1.0, math.nan, math.inf]),
    }[field.type]


@functools.cache
def fields(field):
    """Return what a message has in a field: nothing, or values."""
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return st.dictionaries(texts, texts, max_size=3)
    return st.lists(values(field), max_size=3) if field.is_repeated else values(field)


@functools.cache
def messages(kind):
    """Return messages of a kind, with any of their fields."""
    optional = st.fixed_dictionaries(
        {}, optional={field.name: st.deferred(lambda f=field: fields(f)) for field in kind.fields}
    )
    return optional.map(lambda chosen: CLASSES[kind.full_name](**chosen))


CLASSES = {
    message.DESCRIPTOR.full_name: message
    for message in (*(getattr(pb, name) for name in pb.DESCRIPTOR.message_types_by_name), Duration)
}
METHODS = pb.DESCRIPTOR.services_by_name["ExecutionService"].methods


@pytest.mark.parametrize("method", list(METHODS), ids=lambda method: method.name)
@fixed
@given(st.data())
def test_any_message_is_answered(method, data):
    """With a status that blames the caller, and fields that the contract has: ``requests.call`` checks it."""
    count = st.integers(1, 4) if method.client_streaming else st.just(1)
    sent = [data.draw(messages(method.input_type)) for _ in range(data.draw(count))]

    requests.call(method.name, [message.SerializeToString() for message in sent])


@fixed
@given(messages(pb.ExecuteRequest.DESCRIPTOR), st.integers(0, 2**31), st.binary(max_size=4), st.integers(0, 4))
def test_a_message_that_was_damaged_on_its_way_is_answered(message, place, put, taken):
    whole = message.SerializeToString()
    place %= len(whole) + 1
    damaged = whole[:place] + put + whole[place + taken :]
    try:
        pb.ExecuteRequest.FromString(damaged)
    except DecodeError:
        assert requests.call("Execute", [damaged])
    else:
        requests.call("Execute", [damaged])


# Good requests, each of which is accepted.

MIB = 1 << 20
names = st.text("abcdefgh._-", min_size=1, max_size=6).filter(lambda name: name not in (".", ".."))
places = st.lists(st.text("xyz", min_size=1, max_size=3), max_size=3)
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
good_limits = st.builds(
    pb.Limits,
    cpu_time=st.none()
    | st.integers(10**6, 600 * 10**9).map(lambda ns: Duration(seconds=ns // 10**9, nanos=ns % 10**9)),
    wall_time=st.none() | st.integers(1, 3600).map(lambda seconds: Duration(seconds=seconds)),
    memory_bytes=st.none() | st.integers(128 * MIB, 16384 * MIB),
    cpu_shares=st.none() | st.integers(2, 262144),
    cpus=st.none() | st.floats(0.01, 1.0),
    processes=st.none() | st.integers(3, 4096),
    output_bytes=st.none() | st.integers(1, 16 * MIB),
    disk_bytes=st.none() | st.integers(MIB, 4096 * MIB),
    open_files=st.none() | st.integers(8, 4096),
    file_size_bytes=st.none() | st.integers(4096, 4096 * MIB),
    stack_bytes=st.none() | st.integers(MIB // 8, 1024 * MIB),
)


def good_files(prefix):
    """Return files in directories of their own, so that no two want one place."""
    paths = st.tuples(places, names).map(lambda found: "/".join([*found[0], "." + found[1]]))
    file = st.builds(pb.File, content=st.binary(max_size=9), mode=st.integers(0, 0o777))
    files = st.lists(st.tuples(paths, file), max_size=4, unique_by=lambda found: found[0])

    def named(found):
        for index, (path, file) in enumerate(found):
            file.path = f"{prefix}{index}/{path}"
        return [file for _, file in found]

    return files.map(named)


programs = st.one_of(
    st.builds(
        pb.Command,
        argv=st.tuples(words.filter(bool)).flatmap(
            lambda one: st.lists(words, max_size=3).map(lambda more: [*one, *more])
        ),
    ),
    st.builds(
        pb.Source,
        language=st.sampled_from(["python", "py", "c", "c++", "bash", "sh"]),
        code=st.binary(max_size=9),
        args=st.lists(words, max_size=3),
        entrypoint=st.sampled_from(["", "main.x", "z/y"]),
    ),
)
good_requests = st.builds(
    lambda program, **fields: pb.ExecuteRequest(**{type(program).DESCRIPTOR.name.lower(): program}, **fields),
    programs,
    request_id=st.text(max_size=30).filter(lambda text: len(text.encode(errors="replace")) <= 128),
    image=st.sampled_from(["", "default"]),
    policy=st.sampled_from(["", "default"]),
    files=good_files("f"),
    stdin=st.binary(max_size=9),
    env=st.dictionaries(words.filter(lambda word: word and "=" not in word), words, max_size=3),
    limits=good_limits,
    compile_limits=good_limits,
    collect=st.lists(st.sampled_from(["**", "*.py", "a/**/b", "[", "out/?"]), max_size=3),
    tty=st.booleans(),
    window_size=st.none() | st.builds(pb.WindowSize, columns=st.integers(1, 65535), rows=st.integers(1, 65535)),
    report_refused_syscalls=st.booleans(),
    warm=st.booleans(),
)


@fixed
@given(good_requests)
def test_what_is_good_is_accepted(request_):
    assert [] == requests.call("Execute", [request_.SerializeToString()])


# One thing wrong with a good request: how it is made wrong, and what is then named.


def breaking(path, **fields):
    """Return a change of the message at a path, such as ``limits``, and what it makes wrong."""

    def change(request):
        message = request
        for name in filter(None, path.split(".")):
            message = getattr(message, name)
        for name, value in fields.items():
            if isinstance(value, Duration):
                getattr(message, name).CopyFrom(value)
            elif isinstance(value, list):
                getattr(message, name).extend(value)
            elif isinstance(value, dict):
                getattr(message, name).update(value)
            else:
                setattr(message, name, value)

    return change


LIMIT_VALUES = {
    "cpu_time": [
        Duration(),
        Duration(seconds=-1),
        Duration(seconds=1, nanos=-1),
        Duration(nanos=2**31 - 1),
        Duration(seconds=601),
    ],
    "wall_time": [
        Duration(),
        Duration(nanos=-1),
        Duration(seconds=2**63 - 1),
        Duration(nanos=1),
        Duration(seconds=3601),
    ],
    "memory_bytes": [0, 1, 4 * MIB - 1, 16384 * MIB + 1, 2**64 - 1],
    "cpu_shares": [0, 1, 262145, 2**32 - 1],
    "cpus": [0.0, -1.0, math.nan, math.inf, -math.inf, 0.009, 1e9, struct.unpack("<d", b"\1" + bytes(7))[0]],
    "processes": [0, 4097, 2**32 - 1],
    "output_bytes": [0, 16 * MIB + 1, 2**64 - 1],
    "disk_bytes": [0, 1, 4096 * MIB + 1, 2**64 - 1],
    "open_files": [0, 7, 4097],
    "file_size_bytes": [0, 4095, 2**64 - 1],
    "stack_bytes": [0, 1, 2**64 - 1],
}
WRONG = [
    *(
        (breaking(group, **{name: value}), f"{group}.{name}")
        for group in ("limits", "compile_limits")
        for name, wrong in LIMIT_VALUES.items()
        for value in wrong
    ),
    *(
        (breaking("", files=[pb.File(path=path)]), "files[{files}].path")
        for path in ("", "/a", "..", "a//b", "a\0", "f" * 256)
    ),
    *((breaking("", files=[pb.File(path="new", mode=mode)]), "files[{files}].mode") for mode in (0o1000, 2**32 - 1)),
    (breaking("", files=[pb.File(path="n"), pb.File(path="n")]), "files[{more}].path"),
    (breaking("", files=[pb.File(path="n"), pb.File(path="n/m")]), "files[{more}].path"),
    (breaking("", files=[pb.File(path="n/m"), pb.File(path="n")]), "files[{more}].path"),
    *((breaking("", collect=[glob]), "collect[{collect}]") for glob in ("", "/a", "a/../b", "\0")),
    (breaking("", env={"": "x"}), 'env[""]'),
    (breaking("", env={"n=": "x"}), 'env["n="]'),
    (breaking("", env={"n": "\0"}), 'env["n"]'),
    (breaking("", request_id="x" * 129), "request_id"),
    (breaking("", image="nope"), "image"),
    (breaking("", policy="no\npe"), "policy"),
    (breaking("window_size", columns=0, rows=1), "window_size.columns"),
    (breaking("window_size", rows=65536, columns=1), "window_size.rows"),
    (breaking("command", argv=["a", "\0"]), "command.argv[{argv}]"),
    (breaking("source", language="nope"), "source.language"),
    (breaking("source", language="c", args=["\0"]), "source.args[{args}]"),
    (breaking("source", language="c", entrypoint="../a"), "source.entrypoint"),
]


@pytest.mark.parametrize(("change", "expected"), WRONG, ids=[f"{path}-{n}" for n, (_, path) in enumerate(WRONG)])
@settings(fixed, max_examples=4)
@given(request_=good_requests)
def test_the_one_thing_that_is_wrong_is_named_and_nothing_else(request_, change, expected):
    counts = {
        "files": len(request_.files),
        "more": len(request_.files) + 1,
        "collect": len(request_.collect),
        "argv": len(request_.command.argv) + 1,
        "args": len(request_.source.args),
    }
    change(request_)
    named = requests.call("Execute", [request_.SerializeToString()])

    assert {expected.format(**counts)} == {*named}
