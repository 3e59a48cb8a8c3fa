"""Output as it is kept: in its order, up to its limit, and in little more memory than it has bytes."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from sandboxd.runtime.streams import CHUNK_BYTES, STDERR, STDOUT, Cursor, Recorder


def read_all(recorder, cursor):
    """Return the pieces behind a cursor."""
    pieces = []
    while (piece := recorder.read_from(cursor)) is not None:
        pieces.append(piece)
    return pieces


writes = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(min_size=1, max_size=5)), max_size=30)


@given(writes, st.integers(1, 100))
def test_pieces_are_what_was_written_up_to_the_limit(written, limit):
    calls = []
    recorder = Recorder(limit, lambda: calls.append(1))
    for stream, data in written:
        recorder.write(stream, data)
    pieces = read_all(recorder, Cursor())
    everything = [(stream, byte) for stream, data in written for byte in data]

    assert everything[:limit] == [(stream, byte) for stream, data in pieces for byte in data]
    assert bool(calls) == (len(everything) > limit)
    for stream in (STDOUT, STDERR):
        output = recorder.output(stream)
        assert sum(len(data) for where, data in written if where == stream) == output.total_bytes
        assert b"".join(data for where, data in pieces if where == stream) == output.data


@given(writes, writes)
def test_a_reader_goes_on_where_it_was(first, second):
    recorder = Recorder(10_000, lambda: None)
    cursor = Cursor()
    pieces = []
    for stream, data in (*first, *second):
        recorder.write(stream, data)
        pieces += read_all(recorder, cursor)

    assert [pair for stream, data in (*first, *second) for pair in zip([stream] * len(data), data, strict=True)] == [
        pair for stream, data in pieces for pair in zip([stream] * len(data), data, strict=True)
    ]
    assert recorder.kept_bytes == cursor.read


@given(
    st.lists(st.sampled_from([1, 2, CHUNK_BYTES // 2, CHUNK_BYTES - 1, CHUNK_BYTES]), max_size=10),
    st.integers(1, 4 * CHUNK_BYTES),
    st.booleans(),
)
def test_large_pieces_are_what_was_written(sizes, limit, reads_meanwhile):
    recorder, cursor = Recorder(limit, lambda: None), Cursor()
    written, pieces = b"", []
    for number, size in enumerate(sizes):
        data = (number.to_bytes(1, "big") + bytes(range(256)) * (CHUNK_BYTES // 256))[:size]
        written += data
        recorder.write(STDOUT, data)
        if reads_meanwhile:
            pieces += read_all(recorder, cursor)
    pieces += read_all(recorder, cursor)

    assert written[:limit] == b"".join(data for _, data in pieces) == recorder.output(STDOUT).data
    assert len(written[:limit]) == recorder.kept_bytes == cursor.read
    assert all(len(data) < 2 * CHUNK_BYTES for _, data in pieces)


def test_a_whole_chunk_is_not_copied():
    recorder, cursor, chunk = Recorder(10 * CHUNK_BYTES, lambda: None), Cursor(), bytes(CHUNK_BYTES)
    recorder.write(STDOUT, b"first")
    read_all(recorder, cursor)
    recorder.write(STDOUT, chunk)
    (piece,) = read_all(recorder, cursor)

    assert piece[1] is chunk
    assert recorder.output(STDOUT).blocks[1] is chunk


@given(writes, writes)
def test_a_reader_from_now_on_gets_what_comes(before, after):
    recorder = Recorder(10_000, lambda: None)
    for stream, data in before:
        recorder.write(stream, data)
    cursor = recorder.end_cursor()
    for stream, data in after:
        recorder.write(stream, data)

    assert b"".join(data for _, data in after) == b"".join(data for _, data in read_all(recorder, cursor))


def test_a_stream_of_single_bytes_takes_little():
    """Alternating, so that each is a piece of its own: nine bytes each, and some for growth."""
    tracemalloc.start()
    try:
        recorder = Recorder(1 << 20, lambda: None)
        for _ in range(100_000):
            recorder.write(STDOUT, b"x")
            recorder.write(STDERR, b"x")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken < 200_000 * 16
