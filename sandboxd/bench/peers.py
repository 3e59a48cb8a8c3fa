"""Other sandboxes, each as its own documentation has it run: /bin/true, in the same image where it can use one.

A peer is skipped where it is not on PATH, and where its first run fails: with what it said.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sandboxd.bench.turns import Broken

_TIMEOUT_S = 60
_BOX = "731"
"""Of isolate: a number that nobody else is likely to use."""
_DOCKER_IMAGE = "sandboxd-bench"
_POLL_S = 0.02  # a port has no event for others
_FILES = [{"content": ""}, {"name": "stdout", "max": 4096}, {"name": "stderr", "max": 4096}]
_LIMITS = {"cpuLimit": 10**10, "memoryLimit": 256 << 20, "procLimit": 64}
_GO_JUDGE_TRUE = json.dumps(
    {"cmd": [{"args": ["/bin/true"], "env": ["PATH=/usr/bin:/bin"], "files": _FILES, **_LIMITS}]}
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that makes containers."""

    name: str
    about: str
    prepared: Callable[[str], contextlib.AbstractContextManager[Callable[[], None]]]
    """Given the image's root, gives what is done in a turn."""


def missing(peer: Peer) -> str | None:
    """Say why a peer cannot be measured here, or None."""
    return None if shutil.which(peer.name) else "not on PATH"


class Runner:
    """Runs commands of one program to their end, as cheaply as that can be had."""

    def __init__(self, program: str, log: IO[bytes]) -> None:
        self._path = shutil.which(program) or program
        self._log = log
        self._actions = [(os.POSIX_SPAWN_DUP2, log.fileno(), number) for number in (1, 2)]

    def run(self, *arguments: str) -> None:
        """Run it once. Broken, with what it said last, where it fails."""
        pid = os.posix_spawn(self._path, [self._path, *arguments], os.environ, file_actions=self._actions)
        _, status = os.waitpid(pid, 0)
        if status != 0:
            self._log.seek(0)
            said = self._log.read().decode(errors="replace").strip().splitlines()
            raise Broken(said[-1] if said else f"exit status {os.waitstatus_to_exitcode(status)}")


@contextlib.contextmanager
def _runner(program: str) -> Iterator[Runner]:
    with tempfile.TemporaryFile() as log:
        yield Runner(program, log)


@contextlib.contextmanager
def _plain(program: str, *arguments: str) -> Iterator[Callable[[], None]]:
    with _runner(program) as runner:
        yield lambda: runner.run(*arguments)


def _bubblewrap(root: str) -> contextlib.AbstractContextManager[Callable[[], None]]:
    walls = ("--ro-bind", root, "/", "--unshare-all", "--die-with-parent")
    return _plain("bwrap", *walls, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/true")


def _nspawn(root: str) -> contextlib.AbstractContextManager[Callable[[], None]]:
    options = ("--quiet", "--directory", root, "--read-only", "--private-network", "--register=no", "--keep-unit")
    return _plain("systemd-nspawn", *options, "/bin/true")


def _nsjail(root: str) -> contextlib.AbstractContextManager[Callable[[], None]]:
    return _plain("nsjail", "-Mo", "--really_quiet", "--chroot", root, "--", "/bin/true")


def _oci(runtime: str) -> Callable[[str], contextlib.AbstractContextManager[Callable[[], None]]]:
    """Return what runs a bundle of the runtime's own default configuration, but for a terminal."""

    @contextlib.contextmanager
    def prepared(root: str) -> Iterator[Callable[[], None]]:
        with tempfile.TemporaryDirectory(prefix="sandboxd-bench-") as bundle, _runner(runtime) as runner:
            subprocess.run([runtime, "spec"], cwd=bundle, check=True, capture_output=True, timeout=_TIMEOUT_S)
            file = Path(bundle, "config.json")
            config = json.loads(file.read_text())
            config["root"] = {"path": root, "readonly": True}
            config["process"] |= {"terminal": False, "args": ["/bin/true"]}
            file.write_text(json.dumps(config))
            yield lambda: runner.run("run", "--bundle", bundle, f"sandboxd-bench-{secrets.token_hex(8)}")

    return prepared


@contextlib.contextmanager
def _isolate(root: str) -> Iterator[Callable[[], None]]:
    """A box is made, used and removed: used again it would not be throwaway. Its directories are the host's."""
    del root

    with _runner("isolate") as runner:

        def turn() -> None:
            runner.run(f"--box-id={_BOX}", "--init")
            runner.run(f"--box-id={_BOX}", "--run", "--", "/bin/true")
            runner.run(f"--box-id={_BOX}", "--cleanup")

        yield turn


@contextlib.contextmanager
def _go_judge(root: str) -> Iterator[Callable[[], None]]:
    """A server of its own, which is asked over HTTP; it resets its containers and uses them again. Its mounts are its own."""
    del root
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        tempfile.TemporaryDirectory(prefix="sandboxd-bench-") as directory,
        subprocess.Popen(
            ["go-judge", "-silent", f"-http-addr=127.0.0.1:{port}", f"-dir={directory}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server,
    ):
        try:
            yield functools.partial(_ask_go_judge, _connected(server, port))
        finally:
            server.terminate()


def _connected(server: subprocess.Popen[bytes], port: int) -> http.client.HTTPConnection:
    """Connect as soon as there is somebody who listens."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        try:
            connection.connect()
        except ConnectionRefusedError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise Broken(f"it does not listen: exit status {server.poll()}") from None
            time.sleep(_POLL_S)
        else:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection


def _ask_go_judge(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/run", _GO_JUDGE_TRUE, {"Content-Type": "application/json"})
    (answer,) = json.loads(connection.getresponse().read())
    if answer["status"] != "Accepted":
        raise Broken(f"{answer['status']}: {answer.get('error', '')}")


@contextlib.contextmanager
def _docker(root: str) -> Iterator[Callable[[], None]]:
    """The image is imported once, and removed afterwards."""
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
        imported = subprocess.run(
            ["docker", "import", "-", _DOCKER_IMAGE], stdin=tar.stdout, capture_output=True, check=False
        )
    if imported.returncode:
        raise Broken(imported.stderr.decode(errors="replace").strip().splitlines()[-1])
    try:
        with _plain("docker", "run", "--rm", "--network", "none", _DOCKER_IMAGE, "/bin/true") as turn:
            yield turn
    finally:
        subprocess.run(["docker", "rmi", "--force", _DOCKER_IMAGE], capture_output=True, check=False)


PEERS: Sequence[Peer] = (
    Peer("bwrap", "bubblewrap: no cgroup, no seccomp", _bubblewrap),
    Peer("crun", "crun, its default configuration", _oci("crun")),
    Peer("runc", "runc, its default configuration", _oci("runc")),
    Peer("runsc", "gVisor's runsc, its default configuration", _oci("runsc")),
    Peer("systemd-nspawn", "systemd-nspawn", _nspawn),
    Peer("nsjail", "nsjail: no cgroup, no seccomp", _nsjail),
    Peer("isolate", "isolate, init, run and cleanup, with the host's directories", _isolate),
    Peer("go-judge", "go-judge over HTTP: containers used again, its own mounts", _go_judge),
    Peer("docker", "docker run", _docker),
)
# What a row is called where the program has another name.
ROW_NAMES = {"bwrap": "bubblewrap", "systemd-nspawn": "nspawn"}
