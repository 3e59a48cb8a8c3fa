"""The composition root: makes the rooms of one server and joins them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import uvloop

from sandboxd import logs
from sandboxd.api.image_service import Images
from sandboxd.api.server import ApiServer, Tls
from sandboxd.config import Config
from sandboxd.errors import HostUnfit, InvalidConfiguration, SandboxError
from sandboxd.images.oci.registry_settings import RegistrySettings
from sandboxd.images.store import Image, ImageStore
from sandboxd.linux import heap, rootless, user_namespace
from sandboxd.metrics import MetricsServer, PrometheusObserver
from sandboxd.model import Command, ExecutionResult, LimitsRequest, Submission, Verdict
from sandboxd.runtime import preflight
from sandboxd.runtime.engine import Engine
from sandboxd.runtime.identities import divide, id_maps
from sandboxd.runtime.policy import Policy, default_directory, load_policies
from sandboxd.runtime.pool import Bounds
from sandboxd.runtime.preflight import Check
from sandboxd.runtime.spec import IdMap
from sandboxd.service.admission import Admission
from sandboxd.service.commits import Committer
from sandboxd.service.executions import ExecutionService
from sandboxd.service.image_builds import ImageBuilder, Run
from sandboxd.service.image_transfers import ImageTransfers
from sandboxd.service.image_versions import LanguageVersions
from sandboxd.service.images import ImageCatalog
from sandboxd.service.observer import Tee
from sandboxd.service.plan import Planner

__all__ = ["App", "Check", "doctor", "serve"]

log = logging.getLogger(__name__)

_PRIORITY = -10  # nice value
_THREADS = min(32, (os.cpu_count() or 1) + 4)  # as many as an executor has of itself


class App:
    """One server. ``start`` and ``stop`` run on the same event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._metrics: MetricsServer | None = None
        self._running: _Running | None = None
        self.warnings: list[Check] = []
        """What this host lacks and is not required; known once it is started."""

    @property
    def address(self) -> str:
        """What a client dials."""
        assert self._running is not None, "not started"
        return self._running.api.address

    @property
    def metrics_address(self) -> str | None:
        """Where /metrics is."""
        return self._metrics.address if self._metrics else None

    async def start(self) -> None:
        """Serve. HostUnfit where nothing can be contained, InvalidConfiguration where a setting is wrong."""
        config = self._config
        checks = preflight.check_host(config.store, config.default_image, config.cgroup_parent or None)
        refuse_unfit(checks)
        self.warnings = [check for check in checks if not check.ok]
        observer = PrometheusObserver()
        store = ImageStore(config.store)
        planner, engine = _planner(config, store), _engine(config)
        store.on_replaced = _forgetting(engine)
        admission = Admission(slots=config.effective_slots, queue=config.queue)

        def run(submission: Submission) -> Awaitable[ExecutionResult]:
            return service.run(submission)

        catalog = _catalog(config, store, run)
        committer = Committer(catalog)
        service = ExecutionService(planner, engine, admission, Tee((observer, logs.LogObserver())), committer)
        observer.watch(
            queue_depth=lambda: admission.depth,
            live=lambda: engine.live,
            pooled=lambda: engine.pool.ready,
            pool_target=lambda: engine.pool.target,
            taken=lambda: {"hit": engine.pool.hits, "miss": engine.pool.misses},
        )
        engine.pool.on_made = observer.spare_made
        _start_threads()
        await engine.start()
        try:
            # Before programs, so that a busy machine does not delay what ends them at their limits. Threads that come inherit it.
            if user_namespace.is_initial():  # or it would take CAP_SYS_NICE there
                os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
            await _prove(planner, engine)
            if config.metrics_listen:
                self._metrics = MetricsServer(observer, config.metrics_listen)
            api = ApiServer(
                service,
                _images(config, catalog, committer, service, run),
                listen=config.listen,
                tls=_tls(config),
                max_message_bytes=config.max_message_bytes,
                max_connections=config.max_connections,
                finished=observer.rpc_finished,
            )
            await api.start()
        except BaseException:
            if self._metrics is not None:
                self._metrics.stop()
            await engine.stop()
            raise
        self._running = _Running(engine, service, api)

    async def stop(self, grace_s: float) -> None:
        """Drain for ``grace_s``, then end everything."""
        if self._running is None:
            return
        running, self._running = self._running, None
        running.api.enter_drain()  # waits for nobody: work is refused from this moment, whatever clients do
        await running.service.drain(grace_s)
        await running.api.stop(1.0)
        await running.engine.stop()
        if self._metrics is not None:
            self._metrics.stop()


@dataclass(frozen=True, slots=True)
class _Running:
    engine: Engine
    service: ExecutionService
    api: ApiServer


async def serve(config: Config, announce: Callable[[App], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain. ``announce`` is called once everything stands."""
    logs.configure(config.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = App(config)
    await app.start()
    gc.freeze()  # what there is by now stays: the collector need not look at it, for 20 ms in which nobody is served
    for check in app.warnings:
        log.warning("%s: %s (fix: %s)", check.name, check.finding, check.fix)
    try:
        announce(app)
        await stop.wait()
    finally:
        await app.stop(config.drain_s)


def _start_threads() -> None:
    """Have all threads of the event loop's executor before anybody is served: later there may be none to be had."""
    executor = ThreadPoolExecutor(_THREADS)
    asyncio.get_running_loop().set_default_executor(executor)
    all_there = threading.Barrier(_THREADS + 1)
    try:
        for _ in range(_THREADS):
            executor.submit(all_there.wait)
    except RuntimeError as error:
        all_there.abort()
        raise HostUnfit(str(error)) from error
    all_there.wait()


def run_server(config: Config, announce: Callable[[App], None]) -> None:
    """Run :func:`serve` on an event loop of its own. As an ordinary user it becomes root of a namespace of its own first."""
    become_root()
    heap.keep_small()
    uvloop.run(serve(config, announce))


def doctor(config: Config) -> list[Check]:
    """Return what this host offers and what is missing; the last check is a real container. Becomes root as a server does."""
    become_root()
    checks = preflight.check_host(config.store, config.default_image, config.cgroup_parent or None)
    try:
        load_policies(_policies_directory(config))
        policies = Check(name="policies", ok=True, required=True, finding=str(_policies_directory(config)))
    except InvalidConfiguration as error:
        policies = Check(name="policies", ok=False, required=True, finding=str(error), fix="correct the file")
    checks.append(policies)
    if all(check.ok or not check.required for check in checks):
        checks.append(uvloop.run(_try_container(config)))
    return checks


def become_root() -> None:
    """Make an ordinary user's process root of a user namespace of its own. HostUnfit where that is not allowed."""
    user = os.geteuid()
    if user == 0:
        return
    try:
        rootless.enter()
    except OSError as error:
        fix = "be root, or see docs/operations.md, as an ordinary user"
        raise HostUnfit(f"no user namespace for uid {user}: {error.strerror} (fix: {fix})") from error


def refuse_unfit(checks: list[Check]) -> None:
    """Raise HostUnfit when a required check has failed."""
    failed = [
        f"{check.name}: {check.finding} (fix: {check.fix})" for check in checks if check.required and not check.ok
    ]
    if failed:
        raise HostUnfit("; ".join(failed))


async def _try_container(config: Config) -> Check:
    engine = _engine(config)
    fix = "see the step that failed, in docs/operations.md"
    try:
        await engine.start()
        await _prove(_planner(config, ImageStore(config.store)), engine)
    except SandboxError as error:
        return Check(name="container", ok=False, required=True, finding=str(error), fix=fix)
    finally:
        with contextlib.suppress(SandboxError):
            await engine.stop()
    return Check(name="container", ok=True, required=True, finding="a program ran in one")


async def _prove(planner: Planner, engine: Engine) -> None:
    """Run /bin/true in a container with every wall: a server that cannot do that must not start.

    Nobody observes it: metrics and logs tell of what clients asked for.
    """
    service = ExecutionService(planner, engine, Admission(slots=1, queue=0), Tee(()))
    submission = Submission(program=Command(argv=("/bin/true",)), limits=LimitsRequest(processes=1))
    result = await service.submit(submission).result()
    if result.verdict is not Verdict.OK:
        raise HostUnfit(f"/bin/true ended with {result.verdict.name}: {result.decisive.detail}")


def _catalog(config: Config, store: ImageStore, run: Run) -> ImageCatalog:
    """Return what there is; ``run`` runs a submission."""
    return ImageCatalog(
        store,
        config.store,
        default=config.default_image,
        fixed=config.images_fixed,
        versions_of=LanguageVersions(run),
    )


def _images(config: Config, catalog: ImageCatalog, committer: Committer, service: ExecutionService, run: Run) -> Images:
    """Return what clients can do with images."""
    registries = RegistrySettings(
        ca_file=config.registry_ca_file,
        insecure=config.registry_insecure,
        mirrors=config.registry_mirrors,
    )
    return Images(
        catalog=catalog,
        builder=ImageBuilder(catalog, run=run, wheelhouse=config.wheelhouse),
        transfers=ImageTransfers(catalog, registries, config.registry_auth_file),
        committer=committer,
        executions=service,
    )


def _forgetting(engine: Engine) -> Callable[[Image], None]:
    """Return what has an engine forget an image, from any thread."""
    loop = asyncio.get_running_loop()

    def forget(image: Image) -> None:
        loop.call_soon_threadsafe(engine.forget, image.layers)

    return forget


def _planner(config: Config, store: ImageStore) -> Planner:
    return Planner(store, _policies(config), default_image=config.default_image, default_policy=config.default_policy)


def _engine(config: Config) -> Engine:
    found = _ids(config)
    ids, rows = divide(found, config.most_containers, config.templates)
    if config.templates and not rows and not found[0].single:
        log.warning("no templates: there are ids for %d containers and none more (fix: more uid_slots)", len(found))
    return Engine(
        store=config.store,
        cgroup_parent=config.cgroup_parent or None,
        ids=ids,
        rows=rows,
        pool=Bounds(least=config.pool_min, most=config.pool_max, memory_bytes=config.effective_pool_memory_bytes),
        templates=config.templates,
    )


def _ids(config: Config) -> list[IdMap]:
    """Return the ids of containers. HostUnfit where they are too few."""
    found = id_maps(
        user_namespace.read_map("uid"), user_namespace.read_map("gid"), base=config.uid_base, slots=config.uid_slots
    )
    if len(found) < config.most_containers:
        raise HostUnfit(
            f"there are ids for {len(found)} containers, and slots and pool may have {config.most_containers}"
            " (fix: fewer slots, or more subordinate ids)"
        )
    return found


def _policies(config: Config) -> dict[str, Policy]:
    directory = _policies_directory(config)
    policies = load_policies(directory)
    if config.default_policy not in policies:
        raise InvalidConfiguration(f"default_policy: {directory} has no policy {config.default_policy!r}")
    return policies


def _policies_directory(config: Config) -> Path:
    return config.policies_dir or default_directory()


def _tls(config: Config) -> Tls | None:
    if config.tls_cert is None or config.tls_key is None:
        return None
    return Tls(cert=config.tls_cert, key=config.tls_key, client_ca=config.tls_client_ca)
