"""Execute, ListExecutions and CancelExecution over a real channel."""

from __future__ import annotations

import re
import threading

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.observe import wait_for

USAGE = [field.name for field in pb.Usage.DESCRIPTOR.fields]


def test_answer_is_whole(client):
    """Every field that the contract promises for a run that is OK."""
    response = client.execute(python("print('hi')", request_id="r-1"))

    assert (pb.VERDICT_OK, pb.FAULT_DOMAIN_PROGRAM, "r-1") == (
        response.verdict,
        response.fault_domain,
        response.request_id,
    )
    assert re.fullmatch(r"[0-9a-f]{32}", response.execution_id)
    for digest in (response.image_digest, response.policy_digest):
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
    assert b"hi\n" == response.run.stdout.data
    assert [] == [name for name in USAGE if not response.run.usage.HasField(name)]
    timings = response.timings
    assert min(timings.created.ToNanoseconds(), timings.ran.ToNanoseconds(), timings.collected.ToNanoseconds()) > 0


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("while True: pass", pb.Limits(cpu_time=Duration(nanos=200_000_000))),
        ("import time; time.sleep(30)", pb.Limits(wall_time=Duration(nanos=200_000_000))),
        ("x = bytearray(1 << 30)", pb.Limits(memory_bytes=64 << 20)),
        ("while True: print('x' * 999)", pb.Limits(output_bytes=1000)),
    ],
)
def test_usage_is_whole_for_a_killed_run_too(client, code, limits):
    response = client.execute(python(code, limits=limits))

    assert pb.FAULT_DOMAIN_LIMIT == response.fault_domain
    assert [] == [name for name in USAGE if not response.run.usage.HasField(name)]
    assert response.run.cause.limit
    assert response.run.detail


def test_output_is_lossless(client):
    """All 256 bytes, on both streams."""
    data = bytes(range(256))
    response = client.execute(
        command("sh", "-c", "cat; cat /workspace/e >&2", stdin=data, files=[pb.File(path="e", content=data)])
    )

    assert (data, data) == (response.run.stdout.data, response.run.stderr.data)


def test_env_reaches_the_program_and_only_it(client):
    """LD_PRELOAD would break init, were it to reach it."""
    env = {"GREETING": "grüß\ngott", "LD_PRELOAD": "/no/such.so", "PYTHONPATH": "/nowhere"}
    response = client.execute(command("sh", "-c", 'printf %s "$GREETING"', env=env))

    assert "grüß\ngott".encode() == response.run.stdout.data


def test_collected_files_come_back(client):
    code = "import os; os.makedirs('a/b'); open('a/b/x.bin','wb').write(bytes(range(256))); os.symlink('/etc/passwd','l.bin')"
    response = client.execute(python(code, collect=["**/*.bin"]))

    assert [("a/b/x.bin", bytes(range(256)), 0o644)] == [(f.path, f.content, f.mode) for f in response.files]
    assert [("l.bin", "not a regular file")] == [(f.path, f.reason) for f in response.skipped_files]


def test_list_and_cancel(api, client):
    """A run is listed with what it uses, and cancelling answers its caller with CANCELLED and a whole usage."""
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(client.execute(python("import time; time.sleep(60)", request_id="to-cancel")))
    )
    thread.start()
    execution = wait_for(lambda: next((e for e in client.list() if e.phase == pb.PHASE_RUN), None))
    assert ("to-cancel", "default", "python") == (execution.request_id, execution.image, execution.language)
    assert execution.memory_bytes > 0
    client.cancel(execution.execution_id)
    thread.join(10)

    assert (pb.VERDICT_CANCELLED, pb.FAULT_DOMAIN_CALLER) == (answers[0].verdict, answers[0].fault_domain)
    assert answers[0].run.usage.HasField("cpu_time")
    assert [] == client.list()


def test_cancel_of_an_unknown_execution_is_not_found(client):
    with pytest.raises(grpc.RpcError) as error:
        client.cancel("0" * 32)

    assert grpc.StatusCode.NOT_FOUND is error.value.code()


@pytest.mark.parametrize("how", ["cancel", "deadline", "disconnect"])
def test_a_lost_caller_kills_the_container(api, client, how):
    """Whichever way the caller goes, nothing of the run is left."""
    request = python("import time; time.sleep(60)")
    if how == "disconnect":
        from sandboxd.client import SandboxClient

        other = SandboxClient(api.app.address)
        call = other.stub.Execute.future(request)
    else:
        call = client.stub.Execute.future(request, timeout=0.5 if how == "deadline" else None)
    wait_for(lambda: [e for e in client.list() if e.phase == pb.PHASE_RUN])
    if how == "cancel":
        call.cancel()
    elif how == "disconnect":
        other.close()
    wait_for(lambda: not client.list() and api.engine.live == 0)

    assert 0 == api.engine.live


def test_sixty_runs_at_once_all_answer(client):
    """More than there are slots: the queue takes them."""
    calls = [client.stub.Execute.future(python(f"print({n})")) for n in range(60)]

    assert [f"{n}\n".encode() for n in range(60)] == [call.result().run.stdout.data for call in calls]
