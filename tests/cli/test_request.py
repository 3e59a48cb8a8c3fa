"""What the flags of ``run`` become on the wire, and what an answer becomes here: against a server that only pretends."""

from __future__ import annotations

import os
import select

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

from sandboxd.v1 import execution_service_pb2 as pb
from tests.cli.conftest import TIMEOUT_S, call, started, the_line
from tests.cli.fake import faking
from tests.slowness import SLOWNESS

MIB = 1 << 20
FLAGS = """
    --request-id r-1 --image an-image --policy a-policy --memory 64MiB --cpu-time 2s --wall-time 5s --cpu-shares 512
    --cpus 0.5 --processes 7 --output-limit 1k --disk 3MB --open-files 33 --file-size 2M --stack 4MiB --env A=1 --env B=2
    --file data:in/data --collect *.txt --collect **/*.bin --stdin input
"""


@pytest.fixture
def fake(tmp_path):
    with faking(tmp_path) as fake:
        yield fake


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_every_flag_arrives(fake, tmp_path, how):
    (tmp_path / "data").write_bytes(b"\0\xff")
    (tmp_path / "data").chmod(0o640)
    (tmp_path / "input").write_bytes(b"\xfftyped")
    result = call("run", *FLAGS.split(), *how, "--", "prog", "-x", server=fake.address, cwd=tmp_path)

    assert 0 == result.returncode, result.stderr
    assert fake.asked == [
        pb.ExecuteRequest(
            request_id="r-1",
            image="an-image",
            command=pb.Command(argv=["prog", "-x"]),
            files=[pb.File(path="in/data", content=b"\0\xff", mode=0o640)],
            stdin=b"\xfftyped",
            env={"A": "1", "B": "2"},
            limits=pb.Limits(
                cpu_time=Duration(seconds=2),
                wall_time=Duration(seconds=5),
                memory_bytes=64 * MIB,
                cpu_shares=512,
                cpus=0.5,
                processes=7,
                output_bytes=1024,
                disk_bytes=3_000_000,
                open_files=33,
                file_size_bytes=2 * MIB,
                stack_bytes=4 * MIB,
            ),
            policy="a-policy",
            collect=["*.txt", "**/*.bin"],
        )
    ]


def test_without_flags_the_server_decides(fake):
    """No default of ours: limits, image and policy are unset."""
    call("run", "--", "true", server=fake.address)

    assert fake.asked == [pb.ExecuteRequest(command=pb.Command(argv=["true"]), limits=pb.Limits())]


def test_a_file_keeps_its_name(fake, tmp_path):
    (tmp_path / "solve.py").write_text("pass")
    (tmp_path / "solve.py").chmod(0o644)
    call("run", "--language", "pypy", f"{tmp_path}/solve.py", server=fake.address)

    assert fake.asked[0].source == pb.Source(
        language="pypy", files=[pb.File(path="solve.py", content=b"pass", mode=0o644)], entrypoint="solve.py"
    )


def test_durations_of_less_than_a_second_and_of_more_than_a_minute(fake):
    call("run", "--cpu-time", "500ms", "--wall-time", "1.5m", "--", "true", server=fake.address)

    limits = fake.asked[0].limits
    assert (Duration(nanos=500_000_000), Duration(seconds=90)) == (limits.cpu_time, limits.wall_time)


def test_the_flag_is_above_the_environment(fake):
    result = call("run", "--server", fake.address, "--", "true", server="127.0.0.1:1")

    assert (0, 1) == (result.returncode, len(fake.asked))


VERDICTS = [
    (pb.VERDICT_CPU_TIME_LIMIT, pb.PhaseResult(signal=9), 124),
    (pb.VERDICT_WALL_TIME_LIMIT, pb.PhaseResult(signal=9), 124),
    (pb.VERDICT_SIGNALED, pb.PhaseResult(signal=11), 139),
    (pb.VERDICT_MEMORY_LIMIT, pb.PhaseResult(exit_code=0), 137),
    (pb.VERDICT_MEMORY_LIMIT, pb.PhaseResult(exit_code=5), 5),
    (pb.VERDICT_SECURITY_VIOLATION, pb.PhaseResult(signal=31), 159),
    (pb.VERDICT_CANCELLED, pb.PhaseResult(signal=9), 137),
    (pb.VERDICT_INTERNAL_ERROR, pb.PhaseResult(signal=9), 125),
]


@pytest.mark.parametrize(("verdict", "phase", "status"), VERDICTS)
def test_exit_status(fake, verdict, phase, status):
    phase.detail = "why"
    fake.response = pb.ExecuteResponse(verdict=verdict, run=phase)
    result = call("run", "--", "true", server=fake.address)

    name = pb.Verdict.Name(verdict).removeprefix("VERDICT_")
    assert (status, f"sandboxd: {name}: why") == (result.returncode, the_line(result))


def test_json_is_the_answer_and_status_0(fake):
    """Even of a platform that failed: it is an answer."""
    fake.response = pb.ExecuteResponse(
        execution_id="e", verdict=pb.VERDICT_INTERNAL_ERROR, run=pb.PhaseResult(stdout=pb.Output(data=b"\x1b\xff"))
    )
    result = call("run", "--json", "--", "true", server=fake.address)

    assert (0, b"") == (result.returncode, result.stderr)
    assert fake.response == json_format.Parse(result.stdout, pb.ExecuteResponse())


HOSTILE = "\x1b[2J\x07\r\n\x9b31m\u202ename"
ESCAPED = r"\x1b[2J\x07\r\n\x9b31m\u202ename"


def test_escapes_of_a_verdict_do_not_reach_the_terminal(fake):
    fake.response = pb.ExecuteResponse(verdict=pb.VERDICT_NONZERO_EXIT, run=pb.PhaseResult(exit_code=1, detail=HOSTILE))
    result = call("run", "--", "true", server=fake.address)

    assert f"sandboxd: NONZERO_EXIT: {ESCAPED}" == the_line(result)


def test_escapes_of_an_error_do_not_reach_the_terminal(fake):
    fake.error = (grpc.StatusCode.INTERNAL, HOSTILE)
    result = call("run", "--", "true", server=fake.address)

    assert (125, f"sandboxd: INTERNAL: {ESCAPED}") == (result.returncode, the_line(result))


def test_escapes_of_a_skipped_file_do_not_reach_the_terminal(fake):
    fake.response.skipped_files.add(path=HOSTILE, reason=HOSTILE)
    result = call("run", "--", "true", server=fake.address)

    assert f"sandboxd: not collected: {ESCAPED}: {ESCAPED}" == the_line(result)


def test_escapes_of_refused_calls_do_not_reach_the_terminal(fake):
    fake.response.run.refused_syscalls.add(name=HOSTILE, count=1, answer=HOSTILE)
    result = call("policy", "learn", "--", "true", server=fake.address)

    assert f"{ESCAPED}        1  {ESCAPED}\n".encode() == result.stdout


@pytest.mark.parametrize("flags", [(), ("--overwrite",)])
def test_a_hostile_servers_file_goes_nowhere(fake, tmp_path, flags):
    """Each is told by its path, escaped; the others are written all the same."""
    directory = tmp_path / "out"
    directory.mkdir()
    paths = ["../up", f"{tmp_path}/absolute", "a/../../up", "..", ".", "", "a//b", "a/", "nul\0", f"{HOSTILE}/../.."]
    for path in paths:
        fake.response.files.add(path=path, content=b"hostile")
    fake.response.files.add(path="good", content=b"good")
    before = set(tmp_path.rglob("*"))
    result = call("run", *flags, "--output-dir", str(directory), "--", "true", server=fake.address, cwd=tmp_path)

    shown = [*paths[:-2], r"nul\x00", f"{ESCAPED}/../.."]
    lines = [f"sandboxd: not written: {path}: not a path below a directory" for path in shown]
    assert (125, lines) == (result.returncode, result.stderr.decode().splitlines())
    assert {directory / "good"} == set(tmp_path.rglob("*")) - before


def test_mode_bits_that_no_file_should_have(fake, tmp_path):
    fake.response.files.add(path="tool", content=b"x", mode=0o6755)
    call("run", "--output-dir", str(tmp_path), "--", "true", server=fake.address)

    assert 0o755 == (tmp_path / "tool").stat().st_mode & 0o7777


def test_input_that_nobody_reads_stays_where_it_is(fake):
    """It does not gather in the client."""
    fake.answers.clear()
    with started("run", "--stdin", "-", "--", "sleep", "30", server=fake.address) as process:
        assert fed(process.stdin) < 32 * MIB  # most of it in gRPC
        fake.answers.set()
        assert 0 == process.wait(TIMEOUT_S)


def fed(stream):
    """Write until nobody has read for a while; return how many bytes that was, 64 MiB at most."""
    os.set_blocking(stream.fileno(), False)
    total = 0
    while total < 64 * MIB and select.select([], [stream], [], 0.5 * SLOWNESS if total else TIMEOUT_S)[1]:
        total += os.write(stream.fileno(), bytes(65536))
    return total


@pytest.mark.parametrize("flags", [("--json", "--stdin", "-"), ("--stdin", "/dev/zero")])
def test_input_that_no_message_has_room_for_is_not_read_to_its_end(fake, flags):
    with open("/dev/zero", "rb") as endless:
        result = call("run", *flags, "--", "true", server=fake.address, stdin=endless)

    assert 125 == result.returncode
    assert "more than the 67108864 bytes of a message" in the_line(result)
    assert [] == fake.asked
