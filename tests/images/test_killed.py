"""A server that is killed leaves nothing at work."""

from __future__ import annotations

import select
import socket
import threading
from pathlib import Path

import grpc
import pytest

from sandboxd.client import SandboxClient
from sandboxd.v1 import image_service_pb2 as image_pb
from tests.image_store import put
from tests.server import serving

_ENDS_WITHIN_S = 20


def test_uv_ends_with_a_killed_server(store: Path) -> None:
    """It waits for an index that says nothing, and so the end of its connection is its own."""
    put(store, "default")
    with socket.create_server(("127.0.0.1", 0)) as index:
        env = {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{index.getsockname()[1]}/simple"}
        with serving("--state-dir", str(store.parent), env=env) as server, SandboxClient(server.address) as client:
            asking = threading.Thread(target=_build, args=(client,))
            asking.start()
            connection, _ = index.accept()
            with connection:
                server.kill()

                connection.settimeout(_ENDS_WITHIN_S)
                while connection.recv(1 << 16):
                    pass
                ready, _, _ = select.select([index], [], [], 0)
                assert ready == [], "somebody has asked once more"
            asking.join()


def _build(client: SandboxClient) -> None:
    with pytest.raises(grpc.RpcError):
        list(client.images.build(image_pb.BuildImageRequest(name="mine", requirements="numpy\n")))
