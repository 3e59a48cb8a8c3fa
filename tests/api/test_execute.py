"""Execute, ListExecutions and CancelExecution over a real channel."""

from __future__ import annotations

import gc
import os
import re
import threading
import time
from collections import Counter
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.observe import wait_for
from tests.slowness import SLOWNESS

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


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("[b-a]", []),
        ("[!b-a]", ["*", "[", "\\", "a"]),
        ("[", ["["]),
        ("[a", ["[a"]),
        ("[]", []),
        ("[[]", ["["]),
        ("[*]", ["*"]),
        ("\\*", ["\\"]),
        ("(a|", []),
    ],
)
def test_odd_globs_are_harmless(client, glob, found):
    """Of five files each finds those that it says, and none is an error."""
    files = [pb.File(path=path) for path in ("a", "*", "[", "[a", "\\")]
    response = client.execute(command("true", files=files, collect=[glob]))

    assert pb.VERDICT_OK == response.verdict
    assert found == [file.path for file in response.files]


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


def test_what_has_ended_is_listed_when_asked(client):
    """With its verdict, and what people need to tell one from another; the text of the submission is gone."""
    response = client.execute(python("import sys; sys.exit(3)", request_id="over"))
    ended = next(e for e in client.list(include_ended=True) if e.execution_id == response.execution_id)

    assert (pb.VERDICT_NONZERO_EXIT, "over", "main.py", False, False) == (
        ended.verdict,
        ended.request_id,
        ended.program,
        ended.tty,
        ended.accepts_stdin,
    )
    assert [] == client.list()


def test_cancel_with_a_grace_period_lets_the_program_end_by_itself(client):
    """Whatever it does then, the answer is CANCELLED; and the call returns when it has ended."""
    code = "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit('cleaned'))\nprint('up', flush=True)\nwhile True: time.sleep(0.01)"
    call = client.stub.Execute.future(python(code))
    execution = wait_for(lambda: next((e for e in client.list() if e.phase == pb.PHASE_RUN), None))
    wait_for(lambda: b"up\n" == b"".join(m.stdout for m in client.logs(execution.execution_id)))
    client.cancel(execution.execution_id, grace_s=20)
    listed = client.list()
    response = call.result(5)

    assert [] == listed
    assert (pb.VERDICT_CANCELLED, 1, b"cleaned\n") == (
        response.verdict,
        response.run.exit_code,
        response.run.stderr.data,
    )


@pytest.mark.parametrize("graces", [(3600, 0.5), (0.5, 3600)])
def test_the_shortest_of_several_grace_periods_holds(client, graces):
    """Whoever asks for a second after somebody who gave an hour does not wait for that."""
    code = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(20)"
    call = client.stub.Execute.future(python(code, limits=pb.Limits(wall_time=Duration(seconds=20))))
    execution = wait_for(lambda: next((e for e in client.list() if e.phase == pb.PHASE_RUN), None))
    wait_for(lambda: b"up\n" == b"".join(m.stdout for m in client.logs(execution.execution_id)))
    cancels = []
    for seconds in graces:
        request = pb.CancelExecutionRequest(execution_id=execution.execution_id)
        request.grace_period.FromMilliseconds(round(seconds * 1000))
        cancels.append(client.stub.CancelExecution.future(request))
        time.sleep(0.1)
    response = call.result(5 * SLOWNESS)

    assert pb.VERDICT_CANCELLED == response.verdict
    for cancel in cancels:
        cancel.result(5 * SLOWNESS)


def test_limits_hold_in_the_grace_period(client):
    call = client.stub.Execute.future(
        python(
            "import signal\nsignal.signal(15, signal.SIG_IGN)\nwhile True: pass",
            limits=pb.Limits(cpu_time=Duration(seconds=1)),
        )
    )
    execution = wait_for(lambda: next((e for e in client.list() if e.cpu_time.ToNanoseconds() > 200_000_000), None))
    client.cancel(execution.execution_id, grace_s=60)
    response = call.result(5)

    assert pb.VERDICT_CANCELLED == response.verdict
    assert response.run.usage.cpu_time.ToNanoseconds() < 2e9


def test_arguments_of_a_source(client):
    source = pb.Source(language="python", code=b"import sys; print(sys.argv)", args=["-a", "b c"])
    response = client.execute(pb.ExecuteRequest(source=source))

    assert b"['main.py', '-a', 'b c']" in response.run.stdout.data


def test_what_a_compiler_left_and_does_not_fit_is_an_answer(client):
    """The author of a submission must not be able to make it a bad request of the caller's."""
    source = pb.Source(language="c", code=b"char a[100000000] = {1}; int main(void) { return 0; }")
    response = client.execute(pb.ExecuteRequest(source=source))

    assert (pb.VERDICT_DISK_LIMIT, pb.FAULT_DOMAIN_LIMIT) == (response.verdict, response.fault_domain)
    assert pb.VERDICT_OK == response.compile.verdict
    assert ("disk_bytes", 64 << 20) == (response.run.cause.limit, response.run.cause.allowed)


def test_more_files_than_an_answer_can_hold(client):
    """Four thousand, each with a path of 4 KB: what does not fit is told, and the answer comes."""
    code = """
import os
deep = "/".join(["d" * 250] * 14)
os.makedirs(deep)
os.chdir(deep)
for n in range(4200): open("f" * 200 + str(n), "w").close()
"""
    response = client.execute(python(code, collect=["**"]))

    assert pb.VERDICT_OK == response.verdict
    assert 1000 < len(response.files) <= 4096
    assert {"more files than may be returned"} == {f.reason for f in response.skipped_files}


def test_memory_of_what_has_ended_is_bounded(api, client):
    """Thirty requests of 8 MiB each: none of them is kept."""
    before = resident_bytes()
    for _ in range(30):
        client.execute(command("true", files=[pb.File(path="f", content=os.urandom(8 << 20))]))
    wait_for(lambda: resident_bytes() - before < 80 << 20)


def test_what_an_execution_was_made_of_is_freed_at_once(api, client):
    """Nothing of ours waits for the garbage collector: that is memory which grows until it comes."""
    for _ in range(5):
        client.execute(command("true"))
    wait_for(lambda: api.engine.live == 0)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            client.execute(python("print(1)", collect=["*"]))
        wait_for(lambda: api.engine.live == 0)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = Counter(
            type(thing).__qualname__ for thing in gc.garbage if type(thing).__module__.startswith("sandboxd")
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()

    assert Counter() == found


def resident_bytes():
    """Return this process's memory, in which the server is."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


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
