"""What only a machine whose root may raise hard limits can show: that a container does not inherit those of its server."""

from __future__ import annotations

import pytest

from sandboxd.client import SandboxClient
from tests.api.conftest import python
from tests.server import serving

MIB = 1 << 20
RAISED = ("prlimit", "--rtprio=10", "--nice=20", "--memlock=unlimited", "--core=unlimited", "--sigpending=100000")


@pytest.fixture(scope="module")
def client():
    with serving(under=RAISED) as server, SandboxClient(server.address) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "value"), [("RTPRIO", 0), ("NICE", 0), ("MEMLOCK", 8 * MIB), ("CORE", 1), ("SIGPENDING", 4096)]
)
def test_the_servers_own_limit_is_not_the_programs(client, name, value):
    response = client.execute(python(f"import resource; print(*resource.getrlimit(resource.RLIMIT_{name}))"))

    assert f"{value} {value}\n" == response.run.stdout.data.decode()
