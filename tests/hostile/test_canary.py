"""No secret of the server's gets into a container: its whole memory is looked through, from outside, as root."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

import grpc
import pytest

from sandboxd.attack.target import CANARY_PREFIX
from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests import certificates
from tests.observe import SPARE, STEADY_POOL, children, containers_of, wait_for, wait_until_idle
from tests.server import serving

_LEAST_BYTES = 128 << 10  # of init, which has as much for a message
_PYTHON = "import time; print('here', flush=True); time.sleep(60)"


@pytest.fixture
def planted(tmp_path):
    """Make a secret for each place, and put them in the files: a comment of the configuration, and the key of TLS."""
    canaries = {
        name: f"{CANARY_PREFIX}{secrets.token_hex(16)}"
        for name in ("environment", "configuration", "key", "submission")
    }
    flags = certificates.make(tmp_path)
    with (tmp_path / "server.key").open("a") as key:
        key.write(f"# {canaries['key']}\n")
    (tmp_path / "sandboxd.toml").write_text(f"# {canaries['configuration']}\nlog_level = 'info'\n")
    body = (tmp_path / "server.key").read_text().splitlines()[5]  # a line of the key itself
    return canaries | {"key's body": body}, ["--config", str(tmp_path / "sandboxd.toml"), *flags]


@pytest.fixture
def connect(tmp_path):
    """Return a client with the certificate that the server asks for."""

    def connect(server):
        ca, key, cert = ((tmp_path / name).read_bytes() for name in ("ca.pem", "client.key", "client.pem"))
        target = "localhost:" + server.address.rpartition(":")[2]
        return SandboxClient(target, credentials=grpc.ssl_channel_credentials(ca, key, cert))

    return connect


def test_no_secret_is_in_a_containers_memory(planted, connect):
    """Neither in that of its process 1, nor of its program, nor of those that wait, nor of the launcher and the zygote, which init is a clone of."""
    canaries, flags = planted
    flags = [*flags, "--metrics-listen", "127.0.0.1:0", *STEADY_POOL]
    with serving(*flags, env={"CANARY": canaries["environment"]}) as server, connect(server) as client:
        client.execute(secret_submission(canaries["submission"]))
        wait_until_idle(server.metrics_address, SPARE)
        (launcher,) = children(server.pid)
        spare = wait_for(lambda: len(pids := containers_of(launcher)) == SPARE and pids)
        running = client.stub.Execute.future(pb.ExecuteRequest(command=pb.Command(argv=["python3", "-c", _PYTHON])))
        program = wait_for(lambda: next((child for init in spare for child in children(init)), None))
        wait_for(lambda: "python3" in Path(f"/proc/{program}/exe").readlink().name)
        try:
            found = {pid: look(pid, canaries) for pid in (*children(launcher), program, launcher)}
            control = look(server.pid, canaries)
        finally:
            running.cancel()

    assert {pid: set() for pid in found} == found
    assert {"environment", "key's body", "submission"} <= control, "the search finds what is there"


def secret_submission(canary):
    """Return a submission that has a secret everywhere where one can be."""
    return pb.ExecuteRequest(
        command=pb.Command(argv=["cat", "file", canary]),
        files=[pb.File(path="file", content=canary.encode())],
        stdin=canary.encode(),
        env={"SECRET": canary},
        request_id=canary,
    )


def look(pid, canaries):
    """Return which secrets are in the memory or the environment of a process."""
    found, total = set(), 0
    for text in (*memory(pid), Path(f"/proc/{pid}/environ").read_bytes()):
        total += len(text)
        found |= {name for name, canary in canaries.items() if canary.encode() in text}
    assert total > _LEAST_BYTES, f"only {total} bytes of process {pid} were read"
    return found


def memory(pid):
    """Yield what is in each mapping."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end = (int(address, 16) for address in line.split()[0].split("-"))
            with contextlib.suppress(
                OSError, OverflowError
            ):  # what the kernel keeps there for itself, or nothing is behind
                file.seek(start)
                yield file.read(end - start)
