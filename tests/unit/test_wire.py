"""Messages between server, launcher and init: whole or refused, and no descriptor is left of those that are refused."""

from __future__ import annotations

import contextlib
import os
import resource
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.linux.procfs import count_descriptors
from sandboxd.runtime import wire
from sandboxd.runtime.wire import FromInit, InitMessage

NUMBERS = 7
HEAD_BYTES = 1 + NUMBERS * 8
MOST_DESCRIPTORS = 16
int64 = st.integers(-(2**63), 2**63 - 1)
json = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


@pytest.fixture
def pair():
    """Two ends of a socket; in the end this process has as many descriptors as before."""
    before = count_descriptors(os.getpid())
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs
    assert before == count_descriptors(os.getpid()), "a descriptor was left"


@contextlib.contextmanager
def opened(count):
    """Open so many descriptors."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(open(os.devnull, "rb")).fileno() for _ in range(count)]


# What init says.


@given(st.sampled_from(FromInit), st.lists(int64, min_size=NUMBERS, max_size=NUMBERS), st.binary(max_size=900))
def test_what_init_says_is_what_is_heard(kind, numbers, text):
    message = InitMessage(kind, *numbers, text)

    assert message == InitMessage.decode(message.encode())


def test_a_text_that_is_too_long_is_cut_and_the_numbers_are_whole():
    data = InitMessage(FromInit.FAILED, 22, text=b"x" * 5000).encode()

    assert wire.INIT_MESSAGE_BYTES == len(data)
    assert (22, b"x" * (wire.INIT_MESSAGE_BYTES - HEAD_BYTES)) == (
        InitMessage.decode(data).a,
        InitMessage.decode(data).text,
    )


@pytest.mark.parametrize("size", [0, 1, HEAD_BYTES - 1])
def test_a_short_message_is_none(size):
    with pytest.raises(ValueError, match=f"init sent {size} bytes"):
        InitMessage.decode(InitMessage(FromInit.READY).encode()[:size])


@pytest.mark.parametrize("kind", [0, max(FromInit) + 1, 255])
def test_an_unknown_kind_is_none(kind):
    with pytest.raises(ValueError, match=f"{kind} is not a valid FromInit"):
        InitMessage.decode(bytes([kind]) + bytes(HEAD_BYTES - 1))


@given(st.binary(max_size=2 * HEAD_BYTES))
def test_any_bytes_are_a_message_or_refused(data):
    with contextlib.suppress(ValueError):
        assert InitMessage.decode(data).encode() == data


# How messages travel.


def test_a_message_comes_with_its_descriptors(pair):
    """They are copies: the sender keeps its own, and no program inherits the receiver's."""
    ours, theirs = pair
    with opened(MOST_DESCRIPTORS) as fds:
        wire.send(theirs, b"message", fds)
        data, received = wire.receive(ours, 100)
        for fd in received:
            assert not os.get_inheritable(fd)
            os.close(fd)

    assert (b"message", MOST_DESCRIPTORS) == (data, len(set(received)))


def test_messages_stay_apart(pair):
    ours, theirs = pair
    for text in (b"one", b"two"):
        wire.send(theirs, text)

    assert [(b"one", []), (b"two", [])] == [wire.receive(ours, 100) for _ in range(2)]


def test_the_end_is_an_empty_message(pair):
    ours, theirs = pair
    theirs.close()

    assert (b"", []) == wire.receive(ours, 100)


def test_a_message_longer_than_any_of_ours_is_refused(pair):
    ours, theirs = pair
    with opened(2) as fds:
        wire.send(theirs, bytes(101), fds)
    with pytest.raises(ValueError, match="a message was cut"):
        wire.receive(ours, 100)


def test_descriptors_without_a_message_are_refused(pair):
    """They would be taken for the end, and kept by nobody."""
    ours, theirs = pair
    with opened(2) as fds:
        wire.send(theirs, b"", fds)
    with pytest.raises(ValueError, match="descriptors without a message"):
        wire.receive(ours, 100)


def test_more_descriptors_than_any_of_ours_has_are_refused(pair):
    """Those for which there was room are not kept."""
    ours, theirs = pair
    with opened(MOST_DESCRIPTORS + 1) as fds:
        wire.send(theirs, b"message", fds)
    with pytest.raises(wire.DescriptorsLost) as error:
        wire.receive(ours, 100)

    assert b"message" == error.value.data


def test_descriptors_that_this_process_cannot_have_are_missed(pair):
    """Of three there is room for one: it is not kept, and what the message said is told."""
    ours, theirs = pair
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with opened(3) as fds:
        wire.send(theirs, b"message", fds)
        lowest_free = os.dup(fds[0])
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + 1, limits[1]))
        try:
            with pytest.raises(wire.DescriptorsLost, match="Too many open files") as error:
                wire.receive(ours, 100)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert b"message" == error.value.data


# What they are made of.


@given(st.dictionaries(st.text(), json), st.binary())
def test_a_header_and_raw_bytes_come_apart_again(header, blob):
    assert (header, blob) == wire.decode(wire.encode(header, blob))
