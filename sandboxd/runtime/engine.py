"""The runtime's front: makes containers and takes them back, and keeps what they are made of.

What containers share is here: the launcher (a new one is started when it dies), the ranges of ids, the CPUs, the pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import resource
import secrets
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandboxd.errors import HostUnfit, SetupFailed
from sandboxd.linux import process
from sandboxd.linux.cgroups import Settings
from sandboxd.linux.seccomp_identities import no_ways_around, only_these_users
from sandboxd.model import Limits, Runtime, Start
from sandboxd.runtime.container import Container
from sandboxd.runtime.hooks import as_file, read_hook
from sandboxd.runtime.identities import Row
from sandboxd.runtime.kind import Kind
from sandboxd.runtime.launcher_client import LauncherClient
from sandboxd.runtime.policy import Policy
from sandboxd.runtime.pool import Bounds, Pool
from sandboxd.runtime.spec import PROCESSES_OF_INIT, PROGRAM_UID, ContainerSpec, IdMap, TemplateSpec
from sandboxd.runtime.templates import MOST, NoRow, Template, Templates

_PATIENCE_S = 1.0  # with what came of a launcher that was killed, which ends in milliseconds, or does not end


@dataclass(slots=True)
class _Live:
    """A container that exists, with what it holds of the engine's."""

    container: Container
    kind: Kind
    cpu_set: str | None
    free_ids: list[IdMap]
    """Where its ids belong."""
    handed_out: bool = False


class _NoIdsLeft(SetupFailed):
    """A template has as many forks as it has ids for."""

    def __init__(self) -> None:
        super().__init__("allocate_ids", errno.EAGAIN, "every range of ids of the template is in use")


class Engine:
    """Makes containers for one server."""

    def __init__(
        self,
        *,
        store: Path,
        cgroup_parent: str | None,
        ids: Sequence[IdMap],
        pool: Bounds,
        rows: Sequence[Row] = (),
        templates: int = MOST,
    ) -> None:
        """``ids`` are of containers with no template's fork in them, ``rows`` of templates: where there are none there is no template."""
        self._store = store
        self._cgroup_parent = cgroup_parent
        self._free_ids = list(reversed(ids))
        self._cpus = Counter(dict.fromkeys(sorted(os.sched_getaffinity(0)), 0))
        self._launcher: LauncherClient | None = None
        self._starting = asyncio.Lock()
        self._live: dict[str, _Live] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self.pool: Pool[Kind] = Pool(pool, self._make_spare, self.retire, asyncio.get_running_loop())
        self._rows = rows
        self.templates = Templates(templates if rows else 0, self._start_template, self._retire_template)

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
        await self.templates.close()
        await self.pool.close()
        if self._retiring:
            await asyncio.wait(self._retiring)
        if self._launcher is not None:
            await self._launcher.stop()

    async def create(
        self,
        image: tuple[Path, ...],
        policy: Policy,
        limits: Limits,
        *,
        audit: bool,
        warm: bool = True,
        runtime: Runtime | None = None,
    ) -> Container:
        """Return a new container that is ready, from the pool where it may be ``warm``, or made now; of an image's layers, the lowest first.

        With ``runtime`` in it where there is a template of that. It has whole CPUs: a part of one is taken away when the program has been
        started (``Run.start``), for init would take a hundred times as long with a hundredth. SetupFailed names the step that failed; nothing
        is left then.
        """
        kind = Kind(image, policy, policy.digest, audit)
        container = None
        with self.pool.waiting():
            if warm and runtime is not None:
                container = await self._with_runtime(replace(kind, runtime=runtime), limits)
            if container is None and warm:
                container = await self._take_spare(kind, limits)
            if container is None:
                container = await self._make(kind, limits)
        live = self._live[container.spec.id]
        live.handed_out = True
        self.pool.given(live.kind)
        return container

    async def _with_runtime(self, kind: Kind, limits: Limits) -> Container | None:
        """Return a container with a fork of a template in it; None where there is no template yet, or it cannot."""
        if self.templates.get(kind) is None:
            return None
        container = await self._take_spare(kind, limits)
        if container is None:
            try:
                container = await self._make(kind, kind.policy.defaults)
            except _NoIdsLeft:
                return None
            except SetupFailed as error:  # a container without will tell whether it is the template's fault
                self.templates.give_up(kind, error)
                return None
            container = await self._adapted(container, limits)
        if container is not None:
            container.origin = Start.TEMPLATE
        return container

    def forget(self, image: tuple[Path, ...]) -> None:
        """Keep nothing ready of an image, by its layers: nobody will ask for it."""
        self.pool.drop(lambda kind: kind.image == image)
        self.templates.drop(lambda kind: kind.image == image)
        if self._launcher is not None:
            self._launcher.forget(self._places(image))

    def retire(self, container: Container) -> None:
        """Destroy a container that nobody waits for."""
        self._in_background(self.destroy(container))

    def _in_background(self, ending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(ending)
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def destroy(self, container: Container) -> None:
        """Kill what still lives of a container, reap it and take back what it used."""
        live = self._live[container.spec.id]
        if live.handed_out:
            self.pool.given_back(live.kind)
        container.kill()
        try:
            await container.destroy()
        finally:
            del self._live[container.spec.id]
            live.free_ids.append(container.spec.ids)
            self.templates.end_spent()
            self._give_cpus_back(live.cpu_set)
            if live.handed_out:
                self.pool.replenish()

    async def _make_spare(self, kind: Kind) -> Container:
        return await self._make(kind, kind.policy.defaults)

    async def _take_spare(self, kind: Kind, limits: Limits) -> Container | None:
        """Take a container of the pool and give it the limits; None where there is none that can have them."""
        container = await self.pool.take(kind)
        if container is not None:
            container.origin = Start.POOLED
            container = await self._adapted(container, limits)
        return container

    async def _adapted(self, container: Container, limits: Limits) -> Container | None:
        """Give a container other limits; None, and no container, where it cannot have them."""
        try:
            await self._adapt(container, limits)
        except SetupFailed:  # less memory than it uses, or the launcher has just ended
            self.retire(container)
            return None
        return container

    async def _make(self, kind: Kind, limits: Limits) -> Container:
        launcher = await self._launcher_for_one_more()
        template = self._template_for(kind)
        free_ids = await self._some_free_ids() if template is None else template.row.free
        if not free_ids:
            raise _NoIdsLeft
        ids = free_ids.pop()
        cpu_set = self._take_cpus(limits.cpus)
        seccomp = kind.policy.seccomp
        try:
            spec = ContainerSpec(
                id=secrets.token_hex(16),
                image=self._places(kind.image),
                ids=ids,
                cgroup=self._settings(limits, cpu_set),
                disk_bytes=limits.disk_bytes,
                inodes=kind.policy.inodes,
                own_network=template is not None or not seccomp.plain_sockets,
                forked=template is not None,
            )
            bpf = seccomp.audit_bpf if kind.audit else seccomp.bpf
            with contextlib.nullcontext() if template is None else template.forking():
                container = await Container.create(spec, bpf, launcher, template)
        except BaseException:
            free_ids.append(ids)
            self._give_cpus_back(cpu_set)
            raise
        self._live[spec.id] = _Live(container, kind, cpu_set, free_ids)
        return container

    def _places(self, image: tuple[Path, ...]) -> tuple[str, ...]:
        """Return where an image is, as the launcher is told."""
        return tuple(str(layer.relative_to(self._store)) for layer in image)

    def _template_for(self, kind: Kind) -> Template | None:
        """Return the template that a container of this kind is a fork of; SetupFailed where there is none any more."""
        if kind.runtime is None:
            return None
        template = self.templates.get(kind)
        if template is None:
            raise SetupFailed("find_template", 0, "it has ended")
        return template

    async def _start_template(self, kind: Kind) -> Template:
        launcher = await self._launcher_for_one_more()
        assert kind.runtime is not None
        row = next((row for row in self._rows if row.whole), None)
        if row is None:
            raise NoRow
        ids, runtime = row.free.pop(), kind.runtime
        seccomp = kind.policy.seccomp
        spec = TemplateSpec(
            id=secrets.token_hex(16),
            image=self._places(kind.image),
            uid=ids.owner,
            cgroup=self._settings(kind.policy.compile_defaults, None),
            argv=runtime.argv,
            env=dict(runtime.env),
            stack_bytes=runtime.stack_bytes,
            place=runtime.place,
            preload=runtime.preload,
        )
        own = only_these_users(PROGRAM_UID, *row.owners) + no_ways_around() + seccomp.template_bpf
        try:
            hook = as_file(read_hook(runtime.hook), runtime.place)
            return await Template.start(spec, ids, row, launcher, (own, seccomp.bpf), hook)
        except BaseException:
            row.free.append(ids)
            raise

    def _retire_template(self, template: Template) -> None:
        self._in_background(self._destroy_template(template))

    async def _destroy_template(self, template: Template) -> None:
        try:
            await template.destroy()
        finally:
            template.row.free.append(template.ids)

    async def _some_free_ids(self) -> list[IdMap]:
        """Return the ids of containers that nobody has; one that a container on its way out still has is waited for."""
        while not self._free_ids:
            if not self._retiring:
                raise SetupFailed("allocate_ids", errno.EAGAIN, "every range of ids is in use")
            await asyncio.wait(self._retiring, return_when=asyncio.FIRST_COMPLETED)
        return self._free_ids

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
            cpu_set=cpu_set,
        )

    async def _launcher_for_one_more(self) -> LauncherClient:
        """Return the launcher. SetupFailed where there is none to be had."""
        try:
            return await self._serving_launcher()
        except HostUnfit as error:
            raise SetupFailed("launch", 0, str(error)) from error

    async def _serving_launcher(self) -> LauncherClient:
        async with self._starting:
            if self._launcher is None or self._launcher.gone.done():
                if self._launcher is not None:  # the next one's start sweeps what is left of who has ended by then
                    await self._launcher.reaped(_PATIENCE_S)
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
