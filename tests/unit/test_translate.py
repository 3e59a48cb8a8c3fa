"""Answers as they are on the wire, of which our own code writes a part: each parser must find in them what a message would have."""

from __future__ import annotations

import pytest

from sandboxd.api import translate
from sandboxd.model import File, Output, PhaseResult, SkippedFile, Start, Verdict
from sandboxd.v1 import execution_service_pb2 as pb
from tests.unit import records

OUTPUTS = {
    "nothing": Output(),
    "all": Output(blocks=(b"out\n",), total_bytes=4),
    "a part": Output(blocks=(b"x" * 262_144, bytearray(b"x" * 37_856)), total_bytes=300_001),
    "a part, which is nothing": Output(total_bytes=1),
}


def phase(**fields):
    return PhaseResult(verdict=Verdict.OK, exit_code=0, start=Start.COLD, **fields)


def parsed(result, **options):
    """Return the answer as it is parsed. No field is there twice, for there are parsers that take the last one instead of both."""
    data = b"".join(translate.encode_result(result, **options))
    message = pb.ExecuteResponse.FromString(data)
    assert message.ByteSize() == len(data)
    return message


@pytest.mark.parametrize("stdout", OUTPUTS.values(), ids=OUTPUTS)
@pytest.mark.parametrize("stderr", OUTPUTS.values(), ids=OUTPUTS)
def test_output_is_what_it_is(stdout, stderr):
    message = parsed(records.result(phase(stdout=stdout, stderr=stderr)))

    for output, told in ((stdout, message.run.stdout), (stderr, message.run.stderr)):
        assert (output.data, output.total_bytes) == (told.data, told.total_bytes)
        assert (len(output.data) < output.total_bytes) == told.truncated
    assert (pb.VERDICT_OK, pb.START_COLD) == (message.run.verdict, message.run.start)
    assert not message.HasField("compile")


def test_there_is_all_that_there_can_be():
    compiled = phase(stderr=OUTPUTS["all"])
    files = (File(path="a/ü", content=b"\0\xff", mode=0o640), File(path="empty", content=b"", mode=0))
    skipped = (SkippedFile(path="b", reason="not a file"),)
    message = parsed(records.result(phase(stdout=OUTPUTS["a part"]), compiled, files=files, skipped_files=skipped))

    assert (b"out\n", 300_000) == (message.compile.stderr.data, len(message.run.stdout.data))
    assert [(file.path, file.content, file.mode) for file in files] == [
        (file.path, file.content, file.mode) for file in message.files
    ]
    assert [("b", "not a file")] == [(file.path, file.reason) for file in message.skipped_files]
    assert ("e1", "r1", 30_000_000) == (
        message.execution_id,
        message.request_id,
        message.timings.ran.ToNanoseconds(),
    )


def test_those_who_had_the_output_are_told_how_much_it_was():
    files = (File(path="a", content=b"much"),)
    message = parsed(records.result(phase(stdout=OUTPUTS["a part"]), files=files), contents=False)

    assert (b"", 300_001, True) == (
        message.run.stdout.data,
        message.run.stdout.total_bytes,
        message.run.stdout.truncated,
    )
    assert not message.files
