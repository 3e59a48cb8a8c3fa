"""The runtime's front: makes containers and takes them back, and keeps what they are made of.

What containers share is here: the launcher (a new one is started when it dies), the ranges of ids, the CPUs.
"""

from __future__ import annotations

import asyncio
import math
import os
import secrets
from collections import Counter
from pathlib import Path

from sandboxd.errors import HostUnfit, SetupFailed
from sandboxd.linux.cgroups import Settings
from sandboxd.model import Limits
from sandboxd.runtime.container import Container
from sandboxd.runtime.launcher_client import LauncherClient, Reaped
from sandboxd.runtime.policy import Policy
from sandboxd.runtime.spec import IDS_PER_CONTAINER, PROCESSES_OF_INIT, ContainerSpec


class Engine:
    """Makes containers for one server."""

    def __init__(self, *, store: Path, cgroup_parent: str | None, uid_base: int, uid_slots: int) -> None:
        self._store = store
        self._cgroup_parent = cgroup_parent
        self._free_uids = [uid_base + slot * IDS_PER_CONTAINER for slot in reversed(range(uid_slots))]
        self._cpus = Counter(dict.fromkeys(sorted(os.sched_getaffinity(0)), 0))
        self._launcher: LauncherClient | None = None
        self._starting = asyncio.Lock()
        self._live: dict[str, tuple[Container, str | None]] = {}
        self._retiring: set[asyncio.Task[Reaped | None]] = set()

    @property
    def live(self) -> int:
        """How many containers exist."""
        return len(self._live)

    @property
    def launcher_pid(self) -> int | None:
        """Process id of the launcher that serves now."""
        return self._launcher.pid if self._launcher else None

    async def start(self) -> None:
        """Start the launcher. HostUnfit when containers cannot be had here."""
        await self._serving_launcher()

    async def stop(self) -> None:
        """End the launcher, with every container that is left."""
        if self._retiring:
            await asyncio.wait(self._retiring)
        if self._launcher is not None:
            await self._launcher.stop()

    async def create(self, image: Path, policy: Policy, limits: Limits, *, audit: bool) -> Container:
        """Make a container and wait until it is ready. SetupFailed names the step that failed; nothing is left then."""
        if not self._free_uids:
            raise SetupFailed("allocate_uids", 11, "every range of ids is in use")
        try:
            launcher = await self._serving_launcher()
        except HostUnfit as error:
            raise SetupFailed("launch", 0, str(error)) from error
        uid_base, cpu_set = self._free_uids.pop(), self._take_cpus(limits.cpus)
        spec = ContainerSpec(
            id=secrets.token_hex(16),
            image=str(image.relative_to(self._store)),
            uid_base=uid_base,
            cgroup=Settings(
                memory_bytes=limits.memory_bytes,
                processes=limits.processes + PROCESSES_OF_INIT,
                cpu_shares=limits.cpu_shares,
                cpu_quota=limits.cpus if limits.cpus < len(self._cpus) else None,
                cpu_set=cpu_set,
            ),
            disk_bytes=limits.disk_bytes,
            inodes=policy.inodes,
        )
        bpf = policy.seccomp.audit_bpf if audit else policy.seccomp.bpf
        try:
            container = await Container.create(spec, bpf, launcher)
        except BaseException:
            self._give_back(uid_base, cpu_set)
            raise
        self._live[spec.id] = container, cpu_set
        return container

    def retire(self, container: Container) -> None:
        """Destroy a container that nobody waits for."""
        task = asyncio.create_task(self.destroy(container))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def destroy(self, container: Container) -> Reaped | None:
        """Kill what still lives of a container, reap it and take back what it used. None where the launcher is gone."""
        container.kill()
        try:
            return await container.destroy()
        finally:
            _, cpu_set = self._live.pop(container.spec.id)
            self._give_back(container.spec.uid_base, cpu_set)

    async def _serving_launcher(self) -> LauncherClient:
        async with self._starting:
            if self._launcher is None or self._launcher.gone.done():
                self._launcher = await LauncherClient.start(self._store, self._cgroup_parent)
            return self._launcher

    def _take_cpus(self, ceiling: float) -> str | None:
        """Choose the least used CPUs; None, all of them, where the ceiling allows all."""
        count = math.ceil(ceiling)
        if count >= len(self._cpus):
            return None
        chosen = sorted(sorted(self._cpus, key=lambda cpu: self._cpus[cpu])[:count])
        self._cpus.update(chosen)
        return ",".join(map(str, chosen))

    def _give_back(self, uid_base: int, cpu_set: str | None) -> None:
        self._free_uids.append(uid_base)
        if cpu_set is not None:
            self._cpus.subtract(map(int, cpu_set.split(",")))
