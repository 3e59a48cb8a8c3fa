"""A process that takes turns at a cold container without gRPC: the runtime as a library, /bin/true, nothing kept ready.

    python -m sandboxd.bench.embedded STORE IMAGE POLICY FIRST_ID
    python -m sandboxd.bench.embedded --inputs STORE IMAGE POLICY FILE

A turn is create, start, finish, destroy. The other form prints the path of the image's root and writes the policy's seccomp
program to a file, which is what the floor in C takes. This is the one module of the room that is no outsider.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import uvloop

from sandboxd.app import become_root
from sandboxd.errors import InvalidConfiguration
from sandboxd.images.store import Image, ImageStore
from sandboxd.linux.user_namespace import read_map
from sandboxd.model import WindowSize
from sandboxd.runtime.engine import Engine
from sandboxd.runtime.identities import id_maps
from sandboxd.runtime.policy import Policy, default_directory, load_policies
from sandboxd.runtime.pool import Bounds
from sandboxd.runtime.spec import ProgramSpec
from sandboxd.runtime.supervisor import Run, Watch

_SLOTS = 16
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/workspace"}


class Turns:
    """What all turns have in common."""

    def __init__(self, engine: Engine, image: Image, policy: Policy) -> None:
        self._engine = engine
        self._image = image
        self._policy = policy
        limits = policy.defaults
        self._program = ProgramSpec(
            argv=("/bin/true",),
            env=tuple(_ENVIRONMENT.items()),
            tty=False,
            cpu_seconds=limits.cpu_time_ns // 10**9 + 1,
            processes=limits.processes,
            open_files=limits.open_files,
            file_size_bytes=limits.file_size_bytes,
            stack_bytes=limits.stack_bytes,
        )

    async def take(self) -> int:
        """Make a container, run the program, destroy the container; returns how long that took in nanoseconds."""
        began = time.perf_counter_ns()
        policy, limits = self._policy, self._policy.defaults
        container = await self._engine.create(self._image.layers, policy, limits, audit=False, warm=False)
        try:
            run = Run(container, limits, policy.seccomp, _NOBODY, audit=False)
            await run.start(self._program, (), WindowSize())
            await run.finish()
            status = run.outcome().wait_status
        finally:
            await self._engine.destroy(container)
        if status != 0:
            sys.exit(f"/bin/true ended with wait status {status}")
        return time.perf_counter_ns() - began


_NOBODY = Watch(on_started=lambda _: None, on_output=lambda: None, as_it_comes=False, on_waiting=None)


async def serve(store: Path, image: Image, policy: Policy, first_id: int) -> None:
    """Take turns until the end of standard input, which nothing is waited for beside."""
    ids = id_maps(read_map("uid"), read_map("gid"), base=first_id, slots=_SLOTS)
    engine = Engine(store=store, cgroup_parent=None, ids=ids, pool=Bounds(least=0, most=0, memory_bytes=0))
    await engine.start()
    turns = Turns(engine, image, policy)
    while os.read(0, 1):
        print(await turns.take(), flush=True)
    await engine.stop()


def _found(store: Path, image_name: str, policy_name: str) -> tuple[Image, Policy]:
    try:
        image = ImageStore(store).get(image_name)
        policy = load_policies(default_directory()).get(policy_name)
    except InvalidConfiguration as error:
        sys.exit(str(error))
    if image is None or policy is None:
        sys.exit(f"no image {image_name} in {store}" if image is None else f"no policy {policy_name}")
    return image, policy


def main() -> None:
    """Do what the arguments say."""
    if sys.argv[1] == "--inputs":
        _, _, store, image_name, policy_name, file = sys.argv
        image, policy = _found(Path(store), image_name, policy_name)
        Path(file).write_bytes(policy.seccomp.bpf)
        if len(image.layers) > 1:
            sys.exit(f"{image_name} has several layers, and others are measured in a root that is one")
        print(image.layers[0])
        return
    _, store, image_name, policy_name, first_id = sys.argv
    image, policy = _found(Path(store), image_name, policy_name)
    become_root()
    uvloop.run(serve(Path(store), image, policy, int(first_id)))


if __name__ == "__main__":
    main()
