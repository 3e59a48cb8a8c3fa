"""One server for both ways, with enough containers ready for all that is in flight."""

from __future__ import annotations

import pytest

from sandboxd.client import SandboxClient
from tests.differential.runner import POOL_SIZE, Runner
from tests.server import serving


@pytest.fixture(scope="session")
def runner(guard):
    del guard  # it must be there before the server is
    with (
        serving("--pool-min", str(POOL_SIZE), "--pool-max", str(POOL_SIZE)) as server,
        SandboxClient(server.address) as client,
    ):
        yield Runner(client)


@pytest.fixture(scope="module")
def asked(request):
    """Names of what the tests of this file that were chosen are about, in their order."""
    items = [item for item in request.session.items if item.path == request.path]
    return [item.callspec.params["name"] for item in items if "name" in item.callspec.params]
