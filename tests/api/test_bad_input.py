"""Every malformed request gets INVALID_ARGUMENT and the name of its field; nothing runs."""

from __future__ import annotations

import math

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python

TRUE = pb.Command(argv=["true"])


def violations(error):
    """Return the BadRequest's fields and descriptions."""
    status = rpc_status.from_call(error)
    bad = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(bad)
    return {v.field: v.description for v in bad.field_violations}


CASES = [
    (pb.ExecuteRequest(), "program", "missing"),
    (pb.ExecuteRequest(command=pb.Command()), "command.argv", "missing"),
    (command(""), "command.argv[0]", "empty"),
    (command("a\0b"), "command.argv[0]", "NUL"),
    (pb.ExecuteRequest(source=pb.Source(code=b"x")), "source.language", "missing"),
    (
        pb.ExecuteRequest(source=pb.Source(language="cobol", code=b"x")),
        "source.language",
        "no image has a language 'cobol'",
    ),
    (command("true", image="nope"), "image", "no image is named"),
    (command("true", image="../../etc"), "image", "no image is named"),
    (command("true", policy="nope"), "policy", "no policy is named"),
    (python("x", files=[pb.File(path="../x")]), "files[0].path", ".."),
    (python("x", files=[pb.File(path="/x")]), "files[0].path", "relative"),
    (python("x", files=[pb.File(path="a\0")]), "files[0].path", "NUL"),
    (python("x", files=[pb.File(path="")]), "files[0].path", "missing"),
    (python("x", files=[pb.File(path="a//b")]), "files[0].path", "empty"),
    (python("x", files=[pb.File(path="a" * 256)]), "files[0].path", "255"),
    (python("x", files=[pb.File(path="a/" * 2500 + "a")]), "files[0].path", "4096"),
    (python("x", files=[pb.File(path="a/" * 64 + "a")]), "files[0].path", "deeper than 64"),
    (python("x", collect=["a/" * 64 + "a"]), "collect[0]", "deeper than 64"),
    (command("true", *[""] * 65_536), "command.argv", "65537 words are more than 65536"),
    (pb.ExecuteRequest(source=pb.Source(language="python", args=[""] * 65_537)), "source.args", "more than 65536"),
    (command("true", *[""] * 300_000), "request", "has more than 200000 fields"),
    (python("x", files=[pb.File()] * 300_000), "request", "has more than 200000 fields"),
    (python("x", files=[pb.File(path="a", mode=0o4755)]), "files[0].mode", "0o777"),
    (python("x", files=[pb.File(path="a"), pb.File(path="a")]), "files[1].path", "duplicate of files[0]"),
    (python("x", files=[pb.File(path="a"), pb.File(path="a/b")]), "files[1].path", "both a file and a directory"),
    (python("x", files=[pb.File(path="a/b"), pb.File(path="a")]), "files[1].path", "both a file and a directory"),
    (python("x", files=[pb.File(path="main.py")]), "files[0].path", "duplicate of source.code"),
    (python("x", files=[pb.File(path="main.py/x")]), "files[0].path", "both a file and a directory: see source.code"),
    (
        pb.ExecuteRequest(
            source=pb.Source(language="python", code=b"x", entrypoint="a/b.py"), files=[pb.File(path="a")]
        ),
        "files[0].path",
        "both a file and a directory: see source.code",
    ),
    (python("x", collect=["a/../b"]), "collect[0]", ".."),
    (pb.ExecuteRequest(source=pb.Source(language="python", args=["a", "b\0"])), "source.args[1]", "NUL"),
    (command("true", compile_limits=pb.Limits(memory_bytes=1 << 60)), "compile_limits.memory_bytes", "ceiling"),
    (python("x", compile_limits=pb.Limits(memory_bytes=1)), "compile_limits.memory_bytes", "below the least"),
    (
        pb.ExecuteRequest(source=pb.Source(language="c"), compile_limits=pb.Limits(processes=2)),
        "compile_limits.processes",
        "below the least, 3",
    ),
    (command("true", image="a" * 5000), "image", "no image is named 'aaa"),
    (command("true", policy="ü" * 3000), "policy", "no policy is named 'üüü"),
    (
        pb.ExecuteRequest(
            source=pb.Source(language="python", entrypoint="e" * 200, files=[pb.File(path="a" * 200, content=b"x")])
        ),
        "source.entrypoint",
        "no file is named 'eee",
    ),
    (python("x", files=[pb.File(path=str(n)) for n in range(10_000)]), "files", "10000 files are more than 4096"),
    (python("x", env={"": "v"}), 'env[""]', "empty"),
    (python("x", env={"A=B": "v"}), 'env["A=B"]', "="),
    (python("x", env={"A": "v\0"}), 'env["A"]', "NUL"),
    (python("x", collect=["../*"]), "collect[0]", ".."),
    (python("x", request_id="r" * 129), "request_id", "128"),
    (
        pb.ExecuteRequest(source=pb.Source(language="python", files=[pb.File(path="a.py"), pb.File(path="b.py")])),
        "source.entrypoint",
        "missing",
    ),
    (
        pb.ExecuteRequest(source=pb.Source(language="python", files=[pb.File(path="a.py")], entrypoint="b.py")),
        "source.entrypoint",
        "missing",
    ),
    (
        pb.ExecuteRequest(source=pb.Source(language="python", code=b"x", files=[pb.File(path="a.py")])),
        "source.code",
        "not both",
    ),
    (command("true", limits=pb.Limits(cpu_time=Duration(seconds=-1))), "limits.cpu_time", "negative"),
    (command("true", limits=pb.Limits(wall_time=Duration())), "limits.wall_time", "0 is never 'unlimited'"),
    (command("true", limits=pb.Limits(wall_time=Duration(seconds=1, nanos=-1))), "limits.wall_time", "signs"),
    (command("true", limits=pb.Limits(memory_bytes=0)), "limits.memory_bytes", "0 is never 'unlimited'"),
    (command("true", limits=pb.Limits(memory_bytes=1)), "limits.memory_bytes", "below the least"),
    (command("true", limits=pb.Limits(memory_bytes=1 << 60)), "limits.memory_bytes", "ceiling"),
    (python("x", limits=pb.Limits(memory_bytes=5 << 20)), "limits.memory_bytes", "below the least, 10485760"),
    (command("true", limits=pb.Limits(cpus=math.nan)), "limits.cpus", "nan"),
    (command("true", limits=pb.Limits(cpus=math.inf)), "limits.cpus", "inf"),
    (command("true", limits=pb.Limits(cpus=-1)), "limits.cpus", "-1"),
    (command("true", limits=pb.Limits(cpus=10_000)), "limits.cpus", "ceiling"),
    (command("true", limits=pb.Limits(cpu_shares=1)), "limits.cpu_shares", "below the least, 2"),
    (command("true", limits=pb.Limits(processes=0)), "limits.processes", "0 is never"),
    (command("true", limits=pb.Limits(processes=10**6)), "limits.processes", "ceiling"),
    (command("true", tty=True, window_size=pb.WindowSize(columns=0, rows=5)), "window_size.columns", "65535"),
]


@pytest.mark.parametrize(("request_", "field", "text"), CASES, ids=[f"{c[1]}-{n}" for n, c in enumerate(CASES)])
def test_bad_field_is_named(client, request_, field, text):
    with pytest.raises(grpc.RpcError) as error:
        client.execute(request_)

    assert grpc.StatusCode.INVALID_ARGUMENT is error.value.code()
    found = violations(error.value)
    assert field in found, found
    assert text in found[field]


def test_all_bad_fields_are_named_at_once(client):
    request = command("true", env={"": ""}, limits=pb.Limits(cpus=-1, processes=0), collect=["/x"])
    with pytest.raises(grpc.RpcError) as error:
        client.execute(request)

    assert {'env[""]', "limits.cpus", "limits.processes", "collect[0]"} == set(violations(error.value))


def test_many_bad_fields_fit_into_what_a_client_reads(client):
    """Its headers have room for 8 KiB: the answer is still INVALID_ARGUMENT, and names as many as go in."""
    with pytest.raises(grpc.RpcError) as error:
        client.execute(command("true", env={"ü" * 60 + str(n) + "=": "v" for n in range(25)}))

    assert grpc.StatusCode.INVALID_ARGUMENT is error.value.code()
    assert len(violations(error.value)) >= 3


def call_with(client, data, method="Execute"):
    """Send bytes as they are; returns the error."""
    call = client.channel.unary_unary(f"/sandboxd.v1.ExecutionService/{method}")
    with pytest.raises(grpc.RpcError) as error:
        call(data)
    assert grpc.StatusCode.INVALID_ARGUMENT is error.value.code()
    return error.value


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x22\xff\xff\xff\xff\x0f", b"\x0b", b"\x0a\x05ab"])
def test_bytes_that_are_no_request(client, data):
    assert "not a valid ExecuteRequest" in violations(call_with(client, data))["request"]


BAD = "@@@@"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (python("x", request_id=BAD), "request_id"),
        (python("x", image=BAD), "image"),
        (command("true", BAD), "command.argv[1]"),
        (pb.ExecuteRequest(source=pb.Source(language=BAD)), "source.language"),
        (pb.ExecuteRequest(source=pb.Source(files=[pb.File(path=BAD)])), "source.files[0].path"),
        (python("x", files=[pb.File(path="a", content=BAD.encode()), pb.File(path=f"b/{BAD}")]), "files[1].path"),
        (python("x", env={"A": BAD}), "env[0]"),
        (python("x", env={BAD: "A"}), "env[0]"),
        (python("x", collect=["*", "a", BAD]), "collect[2]"),
    ],
)
def test_text_that_is_not_utf8_is_named(client, request_, field):
    data = request_.SerializeToString()
    if field == "files[1].path":  # bytes may be anything: only the second of the two is wrong
        first, second, third = data.split(BAD.encode())
        data = first + BAD.encode() + second + b"\xff@@@" + third
    else:
        data = data.replace(BAD.encode(), b"\xff@@@")

    assert "is not valid UTF-8" == violations(call_with(client, data))[field]


@pytest.mark.parametrize("seconds", [-1, 3601])
def test_a_grace_that_is_none(client, seconds):
    request = pb.CancelExecutionRequest(execution_id="0" * 32, grace_period=Duration(seconds=seconds))

    assert "grace_period" in violations(call_with(client, request.SerializeToString(), "CancelExecution"))


def test_a_message_of_65_mib_is_refused_and_the_server_goes_on(api, client):
    from sandboxd.client import SandboxClient

    with SandboxClient(api.app.address) as other:
        options = [("grpc.max_send_message_length", -1)]
        with grpc.insecure_channel(api.app.address, options) as channel:
            call = channel.unary_unary("/sandboxd.v1.ExecutionService/Execute")
            with pytest.raises(grpc.RpcError) as error:
                call(python("x", stdin=bytes(65 << 20)).SerializeToString())

        assert grpc.StatusCode.RESOURCE_EXHAUSTED is error.value.code()
        assert "larger than max" in error.value.details()
        assert pb.VERDICT_OK == other.execute(command("true")).verdict


def test_code_of_60_mib_does_not_fit_the_disk(client):
    """It fits the message: what it does not fit is named."""
    with pytest.raises(grpc.RpcError) as error:
        client.execute(python("#" * (60 << 20), limits=pb.Limits(disk_bytes=1 << 20)))

    assert "limits.disk_bytes" in violations(error.value)
