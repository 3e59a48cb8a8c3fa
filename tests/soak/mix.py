"""Programs as they come: some succeed, some fail, some meet each limit, some are cancelled, some talk."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable

import grpc
from google.protobuf.duration_pb2 import Duration

from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.observe import wait_for
from tests.slowness import SLOWNESS

MIB = 1 << 20
_TIMEOUT_S = 60 * SLOWNESS
_SHORT = Duration(nanos=50_000_000)


def verdict(client: SandboxClient, request: pb.ExecuteRequest) -> str:
    """Run a program; returns the verdict's name."""
    response = client.execute(request, timeout=_TIMEOUT_S)
    return pb.Verdict.Name(response.verdict).removeprefix("VERDICT_")


def cancelled_by_its_caller(client: SandboxClient) -> str:
    """Cancel a call once its program runs, or a moment sooner."""
    request_id = secrets.token_hex(8)
    call = client.stub.Execute.future(command("sleep", "60", request_id=request_id), timeout=_TIMEOUT_S)
    wait_for(lambda: _listed(client, request_id))
    call.cancel()
    return "CANCELLED" if call.cancelled() else f"{call.code()}"


def cancelled_by_name(client: SandboxClient) -> str:
    """Cancel an execution by CancelExecution; its caller gets the answer."""
    messages = iter([pb.ExecuteStreamRequest(request=command("sleep", "60"))])
    ended = "no answer"
    for message in client.stream(messages):  # to its end: who leaves sooner has cancelled the call
        match message.WhichOneof("message"):
            case "started":
                client.cancel(message.started.execution_id)
            case "response":
                ended = pb.Verdict.Name(message.response.verdict).removeprefix("VERDICT_")
    return ended


def past_its_deadline(client: SandboxClient) -> str:
    """Let the call's deadline pass while the program runs."""
    try:
        client.execute(command("sleep", "60"), timeout=0.1 * SLOWNESS)
    except grpc.RpcError as error:
        return error.code().name
    return "an answer"


def talks(client: SandboxClient) -> str:
    """Write to a program what it writes back."""
    messages = [pb.ExecuteStreamRequest(request=command("cat")), pb.ExecuteStreamRequest(stdin=b"line\n")]
    *_, last = client.stream(messages)
    assert last.response.run.stdout.data == b"line\n", last
    return pb.Verdict.Name(last.response.verdict).removeprefix("VERDICT_")


def _runs(request: pb.ExecuteRequest) -> Callable[[SandboxClient], str]:
    return functools.partial(verdict, request=request)


def _listed(client: SandboxClient, request_id: str) -> bool:
    return any(execution.request_id == request_id for execution in client.list())


TRUE = ("OK", _runs(command("true")))
# Each with what it must end with. What is there several times is run as often.
MIX = {
    "true": TRUE,
    "python": ("OK", _runs(python("print('hello')"))),
    "true again": TRUE,
    "fails": ("NONZERO_EXIT", _runs(python("raise SystemExit(3)"))),
    "not found": ("NONZERO_EXIT", _runs(command("no-such-program"))),
    "true once more": TRUE,
    "signal": ("SIGNALED", _runs(command("sh", "-c", "kill -SEGV $$"))),
    "cpu_time": (
        "CPU_TIME_LIMIT",
        _runs(command("sh", "-c", "while :; do :; done", limits=pb.Limits(cpu_time=_SHORT))),
    ),
    "wall_time": ("WALL_TIME_LIMIT", _runs(command("sleep", "60", limits=pb.Limits(wall_time=_SHORT)))),
    "files": (
        "OK",
        _runs(
            command("sh", "-c", "mkdir d; cp in d/out", files=[pb.File(path="in", content=b"x" * 4096)], collect=["**"])
        ),
    ),
    "memory_bytes": ("MEMORY_LIMIT", _runs(python("bytearray(64 << 20)", limits=pb.Limits(memory_bytes=16 * MIB)))),
    "output_bytes": ("OUTPUT_LIMIT", _runs(command("yes", limits=pb.Limits(output_bytes=4096)))),
    "disk_bytes": ("DISK_LIMIT", _runs(command("sh", "-c", "cat /dev/zero > file", limits=pb.Limits(disk_bytes=MIB)))),
    "processes": (
        "PROCESS_LIMIT",
        _runs(command("sh", "-c", "true & true & true & true & wait", limits=pb.Limits(processes=2))),
    ),
    "orphans": ("OK", _runs(command("sh", "-c", "sleep 60 & sleep 60 & exit 0"))),
    "terminal": ("OK", _runs(command("tty", tty=True))),
    "talks": ("OK", talks),
    "caller cancels": ("CANCELLED", cancelled_by_its_caller),
    "cancelled by name": ("CANCELLED", cancelled_by_name),
    "deadline": ("DEADLINE_EXCEEDED", past_its_deadline),
}
