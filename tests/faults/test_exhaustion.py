"""What the host has no more of: each is told by its cause, never as the program's failure, and the server goes on."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from sandboxd.client import SandboxClient
from sandboxd.linux import cgroups
from sandboxd.linux.procfs import count_descriptors
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.faults.load import failure
from tests.guard import group_of
from tests.observe import children, containers_of, group_directories, wait_for
from tests.server import serving
from tests.slowness import SLOWNESS

MIB = 1 << 20
TRUE = command("true")
STARVED_AT = {
    "server": {"open_control_socket", "receive_descriptors", "read_accounts", "open_pipes", "pass_program"},
    "launcher": {"receive_descriptors", "make_workspace", "make_cgroup", "clone"},
}


def test_no_process_to_be_had():
    """Three processes for all containers: one runs, a second cannot start its program, and then again one runs."""
    with (
        group_of({"pids.max": 3}) as parent,
        serving("--pool-max", "0", env={"SANDBOXD_CGROUP_PARENT": parent}) as server,
        SandboxClient(server.address) as client,
    ):
        first = client.stub.Execute.future(python("input()", stdin=b""))
        assert pb.VERDICT_NONZERO_EXIT == first.result(10 * SLOWNESS).verdict
        first = client.stub.Execute.future(python("import time; time.sleep(20)"))
        wait_for(lambda: [e for e in client.list() if e.phase == pb.PHASE_RUN])
        told = failure(lambda: client.execute(TRUE))
        first.cancel()
        wait_for(lambda: not client.list())
        again = client.execute(TRUE).verdict

    assert "container set-up failed at start_program: Resource temporarily unavailable" in told
    assert pb.VERDICT_OK == again


def test_no_thread_to_be_had():
    """The server has all of its own from the start: files are read by one though there is no other to be had.

    On v1 a container is born in the launcher's group, and then there is none for it; on v2 in its own, where there is.
    """
    limits = pb.Limits(wall_time=Duration(seconds=30 * SLOWNESS))
    code = f"open('f', 'w').write('kept'); import time; time.sleep({SLOWNESS})"
    request = python(code, collect=["f"], limits=limits)
    points = cgroups.mount_points()
    with contextlib.ExitStack() as stack:
        parent = stack.enter_context(group_of({}))
        own = Path(f"{points.get('pids', points.get(''))}{parent}/server")
        own.mkdir()
        stack.callback(own.rmdir)
        under = ("sh", "-c", f'echo 0 > {own}/cgroup.procs && exec "$0" "$@"')
        env = {"SANDBOXD_CGROUP_PARENT": parent}
        server = stack.enter_context(serving("--pool-max", "0", under=under, env=env))
        client = stack.enter_context(SandboxClient(server.address))
        call = client.stub.Execute.future(request)
        wait_for(lambda: [e for e in client.list() if e.phase])
        (own / "pids.max").write_text((own / "pids.current").read_text())
        files = call.result(20 * SLOWNESS).files
        if cgroups.detect_version() == 1:
            told = failure(lambda: client.execute(TRUE))
            assert "container set-up failed at clone: clone3: Resource temporarily unavailable" == told
        else:
            assert pb.VERDICT_OK == client.execute(TRUE).verdict
        (own / "pids.max").write_text("max")

        assert [b"kept"] == [file.content for file in files]
        assert pb.VERDICT_OK == client.execute(TRUE).verdict


def test_no_memory_to_be_had():
    """All containers have 64 MiB, which one may take and more: whoever is killed far below its own limit is not to blame."""
    allocate = "x = bytearray(256 << 20)"
    most = 64 * MIB
    time = Duration(seconds=int(10 * SLOWNESS))  # the kernel looks for memory long before it gives up
    with (
        group_of({"memory.limit_in_bytes": most, "memory.max": most}) as parent,
        serving("--pool-max", "0", env={"SANDBOXD_CGROUP_PARENT": parent}) as server,
        SandboxClient(server.address) as client,
    ):
        hosts = client.execute(
            python(allocate, limits=pb.Limits(memory_bytes=1024 * MIB, cpu_time=time, wall_time=time))
        )
        own = client.execute(python(allocate, limits=pb.Limits(memory_bytes=32 * MIB, cpu_time=time, wall_time=time)))
        again = client.execute(TRUE)

    assert (pb.VERDICT_INTERNAL_ERROR, pb.FAULT_DOMAIN_PLATFORM) == (hosts.verdict, hosts.fault_domain)
    assert "for memory that the host did not have" in hosts.run.detail
    assert hosts.run.usage.oom_kills > 0
    assert [pb.VERDICT_MEMORY_LIMIT, pb.VERDICT_OK] == [own.verdict, again.verdict]


def starve(client, pid, request):
    """Let a process have ever more descriptors until a request is answered; returns the failures on the way."""
    idle = count_descriptors(pid)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    failures = []
    for most in range(3, idle + 30):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, limits[1]))
        try:
            client.execute(request, timeout=20 * SLOWNESS)
        except grpc.RpcError as error:
            failures.append((error.code(), error.details()))
            wait_for(lambda: count_descriptors(pid) <= idle)
        else:
            break
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    wait_for(lambda: count_descriptors(pid) <= idle)
    return failures


@pytest.mark.parametrize("starved", ["server", "launcher"])
def test_no_descriptor_to_be_had(starved):
    """Wherever in a run it is that there is none: an error that says so, and no descriptor and no container is left."""
    request = python("open('f', 'w')", collect=["*"])
    with serving("--pool-max", "0") as server, SandboxClient(server.address) as client:
        client.execute(request)
        (launcher,) = children(server.pid)
        wait_for(lambda: not containers_of(launcher))
        failures = starve(client, server.pid if starved == "server" else launcher, request)
        wait_for(lambda: not containers_of(launcher))

        assert {grpc.StatusCode.INTERNAL} == {code for code, _ in failures}
        for _, told in failures:
            assert "Too many open files" in told
        steps = {told.partition(":")[0].removeprefix("container set-up failed at ") for _, told in failures}
        assert STARVED_AT[starved] <= steps, steps
        assert [launcher] == children(server.pid), "the launcher did not live through it"
        assert pb.VERDICT_OK == client.execute(TRUE).verdict


def test_no_group_to_be_had():
    """Somebody has removed the groups' place: an error with the step, for as long as it is so."""
    with serving("--pool-max", "0") as server, SandboxClient(server.address) as client:
        client.execute(TRUE)
        (launcher,) = children(server.pid)
        wait_for(lambda: not containers_of(launcher))
        places = [path for path in group_directories(launcher) if path.name.startswith("sandboxd.")]
        for place in places:
            wait_for(lambda place=place: not [path for path in place.iterdir() if path.is_dir()])
            place.rmdir()
        told = failure(lambda: client.execute(TRUE))

        assert "container set-up failed at make_cgroup: No such file or directory" in told
        assert "SERVING" in health(client)


def health(client):
    """Return what the server says of itself."""
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    return str(health_pb2_grpc.HealthStub(client.channel).Check(health_pb2.HealthCheckRequest()))


def test_as_many_ranges_of_ids_as_slots_are_enough():
    """A container that is on its way out has one for a moment longer: the next waits for it, and is not refused."""
    with (
        serving("--pool-max", "0", "--slots", "2", env={"SANDBOXD_UID_SLOTS": "2"}) as server,
        SandboxClient(server.address) as client,
    ):
        calls = [client.stub.Execute.future(TRUE) for _ in range(40)]

        assert {pb.VERDICT_OK} == {call.result(30 * SLOWNESS).verdict for call in calls}
