"""As many connections as a server takes, which say nothing: what each costs, and that it still serves."""

from __future__ import annotations

import grpc
import pytest

from sandboxd.client import SandboxClient
from sandboxd.config import Config
from sandboxd.linux.procfs import count_descriptors
from sandboxd.v1 import execution_service_pb2 as pb
from tests.figures import quantiles, show
from tests.load.client import LOAD_S, run, started
from tests.observe import STEADY_POOL, memory_bytes, wait_for, wait_until_idle
from tests.server import serving
from tests.slowness import SLOWNESS

MOST = Config().max_connections
ARGV = ["true"]
MOST_SLOWER = 3.0
MOST_KIB = 256.0
KIB = 1 << 10


def test_a_thousand_idle_connections():
    """All that there may be but one, on which somebody works. Beyond them one waits, and is served when another has gone."""
    with serving("--metrics-listen", "127.0.0.1:0", *STEADY_POOL) as server:
        neighbour = {"address": server.address, "argv": ARGV, "calls": 1, "connections": 1, "waits": True}
        alone = run("execute", seconds=LOAD_S, **neighbour)
        wait_until_idle(server.metrics_address)
        before, files = memory_bytes(server.pid), count_descriptors(server.pid)
        with started("idle", address=server.address, connections=MOST - 1) as idle:
            idle.wait_until_ready()
            wait_until_idle(server.metrics_address)
            grown, opened = memory_bytes(server.pid) - before, count_descriptors(server.pid) - files
            beside = run("execute", seconds=LOAD_S, **neighbour)
            with started("idle", address=server.address, connections=1) as last:
                last.wait_until_ready()
                with SandboxClient(server.address) as client:
                    request = pb.ExecuteRequest(command=pb.Command(argv=ARGV))
                    with pytest.raises(grpc.RpcError) as error:
                        client.execute(request, timeout=2 * SLOWNESS)
                    last.report()
                    late = client.stub.Execute(request, timeout=60 * SLOWNESS, wait_for_ready=True)
            idle.report()
        wait_until_idle(server.metrics_address)
        wait_for(lambda: count_descriptors(server.pid) <= files)
    rows = []
    for name, report in (("alone", alone), (f"beside {MOST - 1} idle connections", beside)):
        took = [total for *_, total in report["answers"]]
        rows.append((f"true, {name}", len(took), *quantiles(took), max(took)))
    ratio = rows[1][3] / rows[0][3]
    show("one client, milliseconds", ("calls", "p50", "p99", "most"), rows)
    each = (grown / KIB / (MOST - 1), opened / (MOST - 1))
    show("what an idle connection costs", ("KiB", "descriptors", "p99 ratio"), [("", *each, ratio)])

    assert {} == alone["failures"] == beside["failures"]
    assert ratio <= MOST_SLOWER
    assert each[0] <= MOST_KIB
    assert pytest.approx(1, abs=0.01) == each[1]  # a connection of /metrics may be on its way out
    assert error.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
    assert pb.VERDICT_OK == late.verdict
