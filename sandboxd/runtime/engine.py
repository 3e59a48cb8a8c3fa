"""The runtime's front: makes containers and takes them back, and keeps what they are made of.

What containers share is here: the launcher (a new one is started when it dies), the ranges of ids, the CPUs, the pool.
"""

from __future__ import annotations

import asyncio
import errno
import math
import os
import resource
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandboxd.errors import HostUnfit, SetupFailed
from sandboxd.linux import process
from sandboxd.linux.cgroups import Settings
from sandboxd.model import Limits
from sandboxd.runtime.container import Container
from sandboxd.runtime.launcher_client import LauncherClient
from sandboxd.runtime.policy import Policy
from sandboxd.runtime.pool import Pool
from sandboxd.runtime.spec import PROCESSES_OF_INIT, ContainerSpec, IdMap


@dataclass(frozen=True, slots=True)
class Kind:
    """What a container is made of and cannot be changed in it. Equal where the digests are."""

    image: Path
    policy: Policy = field(compare=False)
    policy_digest: str
    audit: bool


@dataclass(slots=True)
class _Live:
    """A container that exists, with what it holds of the engine's."""

    container: Container
    kind: Kind
    cpu_set: str | None
    handed_out: bool = False


class Engine:
    """Makes containers for one server."""

    def __init__(self, *, store: Path, cgroup_parent: str | None, ids: Sequence[IdMap], pool_size: int) -> None:
        self._store = store
        self._cgroup_parent = cgroup_parent
        self._free_ids = list(reversed(ids))
        self._cpus = Counter(dict.fromkeys(sorted(os.sched_getaffinity(0)), 0))
        self._launcher: LauncherClient | None = None
        self._starting = asyncio.Lock()
        self._live: dict[str, _Live] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self.pool: Pool[Kind] = Pool(pool_size, self._make_spare, self.retire)

    @property
    def live(self) -> int:
        """How many containers exist that were given to a submission."""
        return sum(live.handed_out for live in list(self._live.values()))  # a copy: metrics ask from a thread of theirs

    @property
    def launcher_pid(self) -> int | None:
        """Process id of the launcher that serves now."""
        return self._launcher.pid if self._launcher else None

    async def start(self) -> None:
        """Start the launcher. HostUnfit when containers cannot be had here."""
        process.raise_soft_limit(resource.RLIMIT_NOFILE)  # a dozen descriptors a container, of which there may be many
        await self._serving_launcher()

    async def stop(self) -> None:
        """End the launcher, with every container that is left."""
        await self.pool.close()
        if self._retiring:
            await asyncio.wait(self._retiring)
        if self._launcher is not None:
            await self._launcher.stop()

    async def create(self, image: Path, policy: Policy, limits: Limits, *, audit: bool) -> Container:
        """Return a new container that is ready, from the pool or made now.

        SetupFailed names the step that failed; nothing is left then.
        """
        kind = Kind(image, policy, policy.digest, audit)
        container = await self._take_spare(kind, limits) or await self._make(kind, limits)
        self._live[container.spec.id].handed_out = True
        return container

    def retire(self, container: Container) -> None:
        """Destroy a container that nobody waits for."""
        task = asyncio.create_task(self.destroy(container))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def destroy(self, container: Container) -> None:
        """Kill what still lives of a container, reap it and take back what it used."""
        container.kill()
        try:
            await container.destroy()
        finally:
            live = self._live.pop(container.spec.id)
            self._free_ids.append(container.spec.ids)
            self._give_cpus_back(live.cpu_set)
            if live.handed_out:
                self.pool.top_up(live.kind)

    async def _make_spare(self, kind: Kind) -> Container:
        return await self._make(kind, kind.policy.defaults)

    async def _take_spare(self, kind: Kind, limits: Limits) -> Container | None:
        """Take a container of the pool and give it the limits; None where there is none that can have them."""
        container = await self.pool.take(kind)
        if container is not None:
            try:
                await self._adapt(container, limits)
            except SetupFailed:  # less memory than it uses, or the launcher has just ended
                self.retire(container)
                return None
        return container

    async def _make(self, kind: Kind, limits: Limits) -> Container:
        try:
            launcher = await self._serving_launcher()
        except HostUnfit as error:
            raise SetupFailed("launch", 0, str(error)) from error
        ids, cpu_set = await self._take_ids(), self._take_cpus(limits.cpus)
        spec = ContainerSpec(
            id=secrets.token_hex(16),
            image=str(kind.image.relative_to(self._store)),
            ids=ids,
            cgroup=self._settings(limits, cpu_set),
            disk_bytes=limits.disk_bytes,
            inodes=kind.policy.inodes,
        )
        seccomp = kind.policy.seccomp
        try:
            container = await Container.create(spec, seccomp.audit_bpf if kind.audit else seccomp.bpf, launcher)
        except BaseException:
            self._free_ids.append(ids)
            self._give_cpus_back(cpu_set)
            raise
        self._live[spec.id] = _Live(container, kind, cpu_set)
        return container

    async def _take_ids(self) -> IdMap:
        """Take a map of ids; one that a container on its way out still has is waited for."""
        while not self._free_ids:
            if not self._retiring:
                raise SetupFailed("allocate_ids", errno.EAGAIN, "every range of ids is in use")
            await asyncio.wait(self._retiring, return_when=asyncio.FIRST_COMPLETED)
        return self._free_ids.pop()

    async def _adapt(self, container: Container, limits: Limits) -> None:
        """Write a request's limits to a container that was made with others."""
        live = self._live[container.spec.id]
        self._give_cpus_back(live.cpu_set)
        live.cpu_set = self._take_cpus(limits.cpus)
        await container.adapt(self._settings(limits, live.cpu_set), limits.disk_bytes)

    def _settings(self, limits: Limits, cpu_set: str | None) -> Settings:
        return Settings(
            memory_bytes=limits.memory_bytes,
            processes=limits.processes + PROCESSES_OF_INIT,
            cpu_shares=limits.cpu_shares,
            cpu_quota=limits.cpus if limits.cpus < len(self._cpus) else None,
            cpu_set=cpu_set,
        )

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

    def _give_cpus_back(self, cpu_set: str | None) -> None:
        if cpu_set is not None:
            self._cpus.subtract(map(int, cpu_set.split(",")))
