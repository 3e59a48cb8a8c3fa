"""The server itself: health, reflection, overload, draining, addresses, TLS, and what it refuses to start with."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from sandboxd.api.errors import to_status
from sandboxd.app import App
from sandboxd.client import SandboxClient
from sandboxd.config import load_config
from sandboxd.errors import DeadlinePassed, HostUnfit, InvalidConfiguration
from sandboxd.model import Command, Submission
from sandboxd.v1 import execution_service_pb2 as pb
from sandboxd.v1 import execution_service_pb2_grpc as pb_grpc
from tests import certificates
from tests.api.conftest import ServerThread, command, python
from tests.observe import thread_heaps, wait_for
from tests.server import serving

SERVICE = "sandboxd.v1.ExecutionService"


def test_health(client):
    stub = health_pb2_grpc.HealthStub(client.channel)

    for name in ("", SERVICE):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert health_pb2.HealthCheckResponse.SERVING == answer.status


def test_reflection(client):
    database = ProtoReflectionDescriptorDatabase(client.channel)

    assert SERVICE in database.get_services()
    assert "Execute" in [m.name for m in database.FindFileContainingSymbol(SERVICE).service[0].method]


def test_full_is_resource_exhausted_with_retry_info(tmp_path):
    """One slot, one place in the queue: the third is refused, and the first two answer."""
    server = ServerThread(listen=f"unix:{tmp_path}/s", slots=1, queue=1)
    try:
        with SandboxClient(server.app.address) as client:
            calls = [client.stub.Execute.future(python("import time; time.sleep(1)")) for _ in range(2)]
            wait_for(lambda: len(client.list()) == 2)
            with pytest.raises(grpc.RpcError) as error:
                client.execute(command("true"))
            answers = [call.result().verdict for call in calls]
    finally:
        server.close()

    assert grpc.StatusCode.RESOURCE_EXHAUSTED is error.value.code()
    info = error_details_pb2.RetryInfo()
    assert rpc_status.from_call(error.value).details[0].Unpack(info)
    assert info.retry_delay.ToNanoseconds() > 0
    assert [pb.VERDICT_OK] * 2 == answers


def test_a_full_server_refuses_before_it_receives_the_request(tmp_path):
    """Whatever is in it, and before it is sent. Who has a place is told what is wrong with it, as ever."""
    server = ServerThread(listen=f"unix:{tmp_path}/s", slots=1, queue=0)
    refused = []
    try:
        with SandboxClient(server.app.address) as client:
            nothing_yet = threading.Event()
            execute = client.channel.stream_unary(f"/{SERVICE}/Execute")
            first = client.stub.Execute.future(command("sleep", "20"))
            wait_for(lambda: [e for e in client.list() if e.phase])
            for messages in ([b"no request"], iter(nothing_yet.wait, True)):
                with pytest.raises(grpc.RpcError) as error:
                    execute(iter(messages), timeout=60)
                refused.append(error.value.code())
            with pytest.raises(grpc.RpcError) as error:
                list(client.stream(iter(nothing_yet.wait, True)))
            refused.append(error.value.code())
            nothing_yet.set()
            first.cancel()
            wait_for(lambda: not client.list())
            for messages in ([b"no request"], []):
                with pytest.raises(grpc.RpcError) as error:
                    execute(iter(messages), timeout=60)
                refused.append(error.value.code())
    finally:
        nothing_yet.set()
        server.close()

    assert [grpc.StatusCode.RESOURCE_EXHAUSTED] * 3 + [grpc.StatusCode.INVALID_ARGUMENT] * 2 == refused


def test_who_is_back_too_early_is_refused_late(tmp_path):
    """As long as it likes: its refusals come at the rate that there is for it, and not at that of its calls."""
    server = ServerThread(listen=f"unix:{tmp_path}/s", slots=1, queue=0)
    try:
        with SandboxClient(server.app.address) as client:
            first = client.stub.Execute.future(command("sleep", "20"))
            wait_for(lambda: [e for e in client.list() if e.phase])
            began = time.monotonic()
            refused = [client.stub.Execute.future(command("true")).code() for _ in range(356)]
            took = time.monotonic() - began
            first.cancel()
    finally:
        server.close()

    assert {grpc.StatusCode.RESOURCE_EXHAUSTED} == set(refused)
    assert took >= 0.9


def test_cancelled_in_the_queue_costs_nothing(tmp_path):
    server = ServerThread(listen=f"unix:{tmp_path}/s", slots=1, queue=4)
    try:
        with SandboxClient(server.app.address) as client:
            first = client.stub.Execute.future(python("import time; time.sleep(1)"))
            wait_for(lambda: [e for e in client.list() if e.phase])
            second = client.stub.Execute.future(python("print(2)", request_id="second"))
            waiting = wait_for(lambda: [e for e in client.list() if e.request_id == "second"])
            client.cancel(waiting[0].execution_id)
            answer = second.result(5)
            assert not first.done()
            assert pb.VERDICT_OK == first.result().verdict
    finally:
        server.close()

    assert (pb.VERDICT_CANCELLED, 0) == (answer.verdict, answer.timings.ran.ToNanoseconds())


@pytest.mark.parametrize("certificate", [False, True], ids=["a connection", "a certificate"])
def test_a_client_is_a_connection_or_a_certificate(tmp_path, certificate):
    """One that has its slot and its place gets no more; another does, unless it is the same by its certificate."""
    flags, credentials = [], None
    if certificate:
        flags = certificates.make(tmp_path)
        files = [(tmp_path / name).read_bytes() for name in ("ca.pem", "client.key", "client.pem")]
        credentials = grpc.ssl_channel_credentials(*files)
    sleep = command("sleep", "20")
    with serving("--slots", "1", "--queue", "1", "--drain-s", "0", *flags) as server:
        address = f"localhost:{server.address.rpartition(':')[2]}"
        with connection(address, credentials) as first, connection(address, credentials) as second:
            calls = []
            for waiting in range(2):
                calls.append(first.Execute.future(sleep))
                wait_for(lambda waiting=waiting: len(listed(first)) == waiting + 1)
            with pytest.raises(grpc.RpcError) as error:
                first.Execute(sleep)
            calls.append(second.Execute.future(sleep))
            wait_for(lambda: calls[2].done() or len(listed(first)) == len(calls))
            refused = calls[2].done() and calls[2].code()
            for call in calls:
                call.cancel()

    assert grpc.StatusCode.RESOURCE_EXHAUSTED is error.value.code()
    assert (grpc.StatusCode.RESOURCE_EXHAUSTED if certificate else False) is refused


@contextlib.contextmanager
def connection(address, credentials):
    """Give a stub on a connection of its own; channels to one address would share theirs."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    channel = (
        grpc.secure_channel(address, credentials, options) if credentials else grpc.insecure_channel(address, options)
    )
    with channel:
        yield pb_grpc.ExecutionServiceStub(channel)


def listed(stub):
    """Return what waits or runs."""
    return stub.ListExecutions(pb.ListExecutionsRequest()).executions


def test_sigterm_drains():
    """What runs is let end, new work is refused, and the process exits 0."""
    with serving("--drain-s", "20") as server, SandboxClient(server.address) as client:
        running = client.stub.Execute.future(python("import time; time.sleep(2); print('whole')"))
        wait_for(lambda: [e for e in client.list() if e.phase])
        server.process.send_signal(signal.SIGTERM)
        refused = wait_for(lambda: _refusal(client))
        answer = running.result(20)
        assert 0 == server.process.wait(20)

    assert grpc.StatusCode.UNAVAILABLE is refused
    assert (pb.VERDICT_OK, b"whole\n") == (answer.verdict, answer.run.stdout.data)


def _refusal(client):
    try:
        client.execute(command("true"))
    except grpc.RpcError as error:
        return error.code()
    return None


UNIT = Path(__file__).parents[2] / "deploy" / "sandboxd.service"


def test_the_units_capabilities_are_enough():
    """For all that a run takes, its limits and its end included."""
    line = re.search(r"(?m)^CapabilityBoundingSet=(.*)$", UNIT.read_text())[1]
    kept = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in line.split())
    with serving(under=("setpriv", f"--bounding-set=-all,{kept}", "--no-new-privs")) as server:
        bounding = next(
            x for x in Path(f"/proc/{server.pid}/status").read_text().splitlines() if x.startswith("CapBnd")
        )
        assert len(line.split()) == int(bounding.split()[1], 16).bit_count()
        with SandboxClient(server.address) as client:
            spinning = python(
                "import os; os.fork()\nwhile True: pass", limits=pb.Limits(cpu_time=Duration(nanos=200_000_000))
            )
            answers = [
                client.execute(python("print(1)", collect=["*"], files=[pb.File(path="a/b")])),
                client.execute(command("tty", tty=True)),
                client.execute(spinning),
            ]

    assert [pb.VERDICT_OK, pb.VERDICT_OK, pb.VERDICT_CPU_TIME_LIMIT] == [answer.verdict for answer in answers]
    assert answers[2].run.usage.HasField("voluntary_switches"), "the container had to be killed to the last"


def test_unix_socket_is_for_owner_and_group_only(tmp_path):
    """And goes with its server."""
    with serving("--listen", f"unix:{tmp_path}/s") as server, SandboxClient(server.address) as client:
        assert pb.VERDICT_OK == client.execute(command("true")).verdict
        assert 0o660 == stat.S_IMODE(os.stat(tmp_path / "s").st_mode)
    assert not (tmp_path / "s").exists()


def test_a_second_server_on_a_socket_is_refused(tmp_path):
    with serving("--listen", f"unix:{tmp_path}/s") as server, SandboxClient(server.address) as client:
        assert b"another server is on" in refused_to_serve("--listen", server.address)
        assert pb.VERDICT_OK == client.execute(command("true")).verdict


def test_a_socket_that_a_killed_server_left_is_taken_over(tmp_path):
    with serving("--listen", f"unix:{tmp_path}/s") as server:
        server.kill()
    assert (tmp_path / "s").exists()
    with serving("--listen", f"unix:{tmp_path}/s") as server, SandboxClient(server.address) as client:
        assert pb.VERDICT_OK == client.execute(command("true")).verdict


def test_all_threads_of_a_server_share_one_heap():
    with serving() as server, SandboxClient(server.address) as client:
        for _ in range(20):
            assert pb.VERDICT_OK == client.execute(command("true")).verdict
        assert 0 == thread_heaps(server.pid)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    (tmp_path / "s").write_text("precious")

    assert b"is no socket" in refused_to_serve("--listen", f"unix:{tmp_path}/s")
    assert "precious" == (tmp_path / "s").read_text()


def refused_to_serve(*flags):
    """Return what a server says that does not start."""
    result = subprocess.run([sys.executable, "-m", "sandboxd", "serve", *flags], capture_output=True, check=False)
    assert 125 == result.returncode, result
    return result.stderr


def test_beyond_loopback_without_tls_is_refused():
    assert b"not loopback" in refused_to_serve("--listen", "0.0.0.0:0")


def test_a_second_server_on_the_address_is_refused():
    with serving() as server:
        assert b"cannot bind" in refused_to_serve("--listen", server.address)


def test_tls_with_client_certificates(tmp_path):
    """A client without a certificate of the CA gets nowhere; one with it does."""
    flags = certificates.make(tmp_path)
    ca, key, cert = ((tmp_path / name).read_bytes() for name in ("ca.pem", "client.key", "client.pem"))
    with serving(*flags) as server:
        target = "localhost:" + server.address.rpartition(":")[2]
        with SandboxClient(target, credentials=grpc.ssl_channel_credentials(ca, key, cert)) as client:
            assert pb.VERDICT_OK == client.execute(command("true")).verdict
        stranger = SandboxClient(target, credentials=grpc.ssl_channel_credentials(ca))
        with stranger, pytest.raises(grpc.RpcError) as error:
            stranger.execute(command("true"), timeout=10)

    assert grpc.StatusCode.UNAVAILABLE is error.value.code()


@pytest.mark.parametrize(
    ("setting", "error", "text"),
    [
        ({"state_dir": "/nonexistent"}, HostUnfit, "image"),
        ({"policies_dir": "/nonexistent"}, InvalidConfiguration, "default_policy"),
        ({"uid_base": 2**32 - 65536}, InvalidConfiguration, "uid"),
        ({"cgroup_parent": "nowhere"}, HostUnfit, "the parent group does not exist: .*nowhere"),
        ({"listen": "127.0.0.1:1"}, None, ""),
    ],
)
def test_what_it_does_not_start_with(setting, error, text):
    """Port 1 is free for root: that row is the control."""

    async def start():
        app = App(load_config(None, {}, {"listen": "127.0.0.1:0", **setting}))
        await app.start()
        await app.stop(0)

    if error is None:
        asyncio.run(start())
        return
    with pytest.raises(error, match=text):
        asyncio.run(start())


def test_a_policy_that_cannot_be_loaded_keeps_it_from_starting(tmp_path):
    source = Path(__file__).parents[2] / "policies"
    shutil.copytree(source, tmp_path / "policies")
    (tmp_path / "policies" / "default.toml").write_text(
        (source / "default.toml").read_text().replace("inodes", "inode_limit")
    )

    refusal = refused_to_serve("--listen", "127.0.0.1:0", "--policies-dir", str(tmp_path / "policies"))

    assert b"inode_limit: unknown key" in refusal


def test_deadline_caps_a_run(client):
    """The client's deadline ends it with DEADLINE_EXCEEDED, long before its wall time."""
    with pytest.raises(grpc.RpcError) as error:
        client.execute(
            python("import time; time.sleep(60)", limits=pb.Limits(wall_time=Duration(seconds=60))), timeout=0.5
        )

    assert grpc.StatusCode.DEADLINE_EXCEEDED is error.value.code()


def test_a_call_that_came_too_late_costs_nothing(api):
    submission = Submission(program=Command(argv=("true",)))

    async def late():
        api.service.submit(submission, timeout_s=0.0)

    with pytest.raises(DeadlinePassed) as error:
        api.await_(late())

    assert grpc.StatusCode.DEADLINE_EXCEEDED.value[0] == to_status(error.value).code


def test_hundred_connections(api):
    """Each with a channel of its own, all at once."""
    clients = [SandboxClient(api.app.address) for _ in range(100)]
    failures = []

    def call(client):
        try:
            client.list()
        except grpc.RpcError as error:
            failures.append(error)

    threads = [threading.Thread(target=call, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()

    assert [] == failures
