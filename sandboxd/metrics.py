"""Metrics for Prometheus: an observer around the service, and their port. The only file that knows prometheus_client.

Labels are bounded: verdicts and phases are words of ours, policies names of the configuration. Clients name images, and images
bring languages, so only the first of these are labels. Nothing of a submission becomes one; an execution's id is an exemplar,
which OpenMetrics keeps beside a bucket.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import metadata
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    make_wsgi_app,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from sandboxd.errors import (
    ContainerLost,
    DeadlinePassed,
    Draining,
    InvalidConfiguration,
    InvalidSubmission,
    Overloaded,
    SetupFailed,
)
from sandboxd.model import SECOND_NS, ExecutionResult, PhaseResult, Source, Start, Submission, Verdict
from sandboxd.service.observer import Record

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)
_BYTES = tuple(float(1 << exponent) for exponent in range(20, 35))  # 1 MiB to 16 GiB
_PROGRAM = ("image", "language", "phase")
_REJECTIONS = {
    InvalidSubmission: "invalid",
    Overloaded: "overloaded",
    DeadlinePassed: "deadline",
    Draining: "draining",
}
_MAX_STEPS = 100  # there are some forty; whatever invents more must not grow the server
_MAX_IMAGES = 100  # with their languages: each takes 15 KiB for ever, and 5 KB of each scrape
_OTHER = "other"
_MOST_CONNECTIONS = 16  # of /metrics: each has a thread, of which containers must not run out
_CONNECTION_S = 10.0
NO_LANGUAGE = "none"
"""Label of an execution that was given a command and not source code."""


class _First:
    """Labels as they come, so many different ones; all further ones are one more, ``other``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._had: set[tuple[str, ...]] = set()

    def __call__(self, *labels: str) -> tuple[str, ...]:
        if len(self._had) < self._most:
            self._had.add(labels)
        return labels if labels in self._had else (_OTHER,) * len(labels)


class _PoolCollector(Collector):
    """Counts that the pool keeps itself."""

    def __init__(self, taken: Callable[[], Mapping[str, int]]) -> None:
        self._taken = taken

    def collect(self) -> Iterator[Metric]:
        """Read them."""
        family = CounterMetricFamily(
            "sandboxd_pool_takes", "Containers that were asked of the pool.", labels=("result",)
        )
        for result, count in self._taken().items():
            family.add_metric((result,), count)
        yield family


class PrometheusObserver:
    """Counts what the service does."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, of which nobody asks anything
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._define_executions()
        self._define_service()
        self._define_rpcs()
        self._steps = _First(_MAX_STEPS)
        self._images = _First(_MAX_IMAGES)

    def _define_executions(self) -> None:
        self._executions = cache(
            self._counter("sandboxd_executions", "Executions that have ended.", "image", "language", "verdict").labels
        )
        self._duration = self._histogram(
            "sandboxd_execution_duration_seconds", "From acceptance to the answer, without commit_to."
        )
        self._queue = self._histogram("sandboxd_queue_wait_seconds", "In the queue.")
        self._create = self._histogram("sandboxd_container_create_seconds", "Making all containers of an execution.")
        self._wall = cache(self._histogram("sandboxd_run_seconds", "Wall time of a phase's program.", *_PROGRAM).labels)
        self._cpu = cache(self._histogram("sandboxd_cpu_seconds", "CPU time of a phase's program.", *_PROGRAM).labels)
        self._memory = cache(
            self._histogram(
                "sandboxd_memory_peak_bytes", "Peak memory of a phase's program.", *_PROGRAM, buckets=_BYTES
            ).labels
        )
        self._in = self._counter("sandboxd_submission_bytes", "Files, source code and stdin of requests.")
        self._out = cache(self._counter("sandboxd_answer_bytes", "Returned to clients.", "part").labels)
        self._truncated = self._counter("sandboxd_truncated_outputs", "Streams of which more was written than kept.")
        self._oom = self._counter("sandboxd_oom_kills", "Processes of programs that were killed for memory.")
        self._violations = cache(
            self._counter("sandboxd_security_violations", "Programs ended by their policy.", "policy").labels
        )

    def _define_service(self) -> None:
        self._rejected = cache(self._counter("sandboxd_rejected", "Submissions that were not taken.", "reason").labels)
        self._starts = cache(
            self._counter("sandboxd_starts", "Programs that were started, by what there was before.", "start").labels
        )
        self._spare = self._histogram("sandboxd_pool_make_seconds", "Making a spare container.")
        self._pool_target = Gauge(
            "sandboxd_pool_target_containers", "Containers that the pool wants to keep ready.", registry=self.registry
        )
        self._errors = cache(self._counter("sandboxd_internal_errors", "Failures of ours, by step.", "step").labels)
        self._depth = Gauge("sandboxd_queue_depth", "Submissions that wait for a slot.", registry=self.registry)
        self._containers = Gauge("sandboxd_containers", "Containers that exist.", ("state",), registry=self.registry)
        build = Gauge("sandboxd_build_info", "What runs here.", ("version", "python"), registry=self.registry)
        build.labels(_version(), platform.python_version()).set(1)
        # A series that appears with its first event hides that event from rate().
        for reason in _REJECTIONS.values():
            self._rejected(reason)
        for start in Start:
            self._starts(start.name.lower())
        for state in ("live", "pooled"):
            self._containers.labels(state)

    def _define_rpcs(self) -> None:
        """Define what every dashboard for gRPC knows."""
        method = ("grpc_service", "grpc_method")
        self._handled = cache(
            self._counter("grpc_server_handled", "Calls that have ended.", *method, "grpc_code").labels
        )
        self._handling = cache(self._histogram("grpc_server_handling_seconds", "Time of calls.", *method).labels)

    def watch(
        self,
        *,
        queue_depth: Callable[[], int],
        live: Callable[[], int],
        pooled: Callable[[], int],
        pool_target: Callable[[], int],
        taken: Callable[[], Mapping[str, int]],
    ) -> None:
        """Ask these at every scrape, from a thread of the metrics' own."""
        self._depth.set_function(lambda: float(queue_depth()))
        self._containers.labels("live").set_function(lambda: float(live()))
        self._containers.labels("pooled").set_function(lambda: float(pooled()))
        self._pool_target.set_function(lambda: float(pool_target()))
        self.registry.register(_PoolCollector(taken))

    def execution_ended(self, record: Record) -> None:
        """Count it, and what it used."""
        rejection = _REJECTIONS.get(type(record.error)) if record.error is not None else None
        if rejection is not None:  # found out too late for ``submit`` to say so
            self.rejected(rejection)
            return
        image = self._images(record.image, record.language or NO_LANGUAGE)
        verdict = _verdict(record)
        self._executions(*image, verdict.name).inc()
        self._queue.observe(record.queued_ns / SECOND_NS)
        if record.created_ns:
            self._create.observe(record.created_ns / SECOND_NS)
        self._in.inc(_size(record.submission))
        if verdict is Verdict.INTERNAL_ERROR:
            self._errors(*self._steps(_step(record.error))).inc()
        if verdict is Verdict.SECURITY_VIOLATION:
            self._violations(record.policy).inc()
        if record.result is not None:
            self._count_result(record.result, image)

    def rejected(self, reason: str) -> None:
        """Count it."""
        self._rejected(reason).inc()

    def spare_made(self, seconds: float) -> None:
        """Count a container that was made for the pool."""
        self._spare.observe(seconds)

    def rpc_finished(self, service: str, method: str, code: str, seconds: float) -> None:
        """Count a call, of a service by its whole name."""
        self._handled(service, method, code).inc()
        self._handling(service, method).observe(seconds)

    def _count_result(self, result: ExecutionResult, image: tuple[str, ...]) -> None:
        timings = result.timings
        total_ns = timings.queued_ns + timings.created_ns + timings.ran_ns + timings.collected_ns
        self._duration.observe(total_ns / SECOND_NS, {"execution_id": result.execution_id})
        self._out("files").inc(sum(len(file.content) for file in result.files))
        for phase, outcome in (("compile", result.compile), ("run", result.run)):
            if outcome is not None:
                self._count_phase(outcome, (*image, phase))

    def _count_phase(self, outcome: PhaseResult, labels: tuple[str, ...]) -> None:
        usage = outcome.usage
        if outcome.start is not None:
            self._starts(outcome.start.name.lower()).inc()
        if usage.wall_time_ns is not None:
            self._wall(*labels).observe(usage.wall_time_ns / SECOND_NS)
        if usage.cpu_time_ns is not None:
            self._cpu(*labels).observe(usage.cpu_time_ns / SECOND_NS)
        if usage.memory_peak_bytes is not None:
            self._memory(*labels).observe(usage.memory_peak_bytes)
        if usage.oom_kills:
            self._oom.inc(usage.oom_kills)
        for part, output in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
            self._out(part).inc(output.kept_bytes)
            if output.truncated:
                self._truncated.inc()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)


class MetricsServer:
    """Serves /metrics, on a port and a thread of its own."""

    def __init__(self, observer: PrometheusObserver, listen: str) -> None:
        host, _, port = listen.rpartition(":")
        try:
            self._server = _HttpServer(host.strip("[]"), int(port))
        except (OSError, ValueError) as error:
            raise InvalidConfiguration(f"metrics_listen: cannot bind {listen}: {error}") from error
        self._server.set_app(make_wsgi_app(observer.registry))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"{host}:{self._server.server_port}"
        """HOST:PORT, with the port that was free where 0 was asked for."""

    def stop(self) -> None:
        """Close the port, and what is open of it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(WSGIRequestHandler):
    """Answers one request."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is its parent's)
        """Log nothing."""


class _HttpServer(ThreadingMixIn, WSGIServer):
    """A thread for each connection: so many at one time, so long each, whatever is said or not. One more is closed at once."""

    daemon_threads = True
    # Who is to be closed at once must not have others wait for a second until they are heard.
    request_queue_size = socket.SOMAXCONN

    def __init__(self, host: str, port: int) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family, _, _, _, (address, *_) = found[0]
        self._began: dict[socket.socket, float] = {}
        # Who holds it may be sure that the descriptors of these are still theirs.
        self._lock = threading.Lock()
        super().__init__((str(address), port), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002  (its parent's)
        """Take a connection, or have it closed."""
        with self._lock:
            taken = len(self._began) < _MOST_CONNECTIONS
            if taken:
                self._began[request] = time.monotonic()
        return taken

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, in whichever thread it ends."""
        with self._lock:
            self._began.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End what has lasted too long; called at least twice a second."""
        self._end_those_before(time.monotonic() - _CONNECTION_S)

    def server_close(self) -> None:
        """Close the port, and end what is open."""
        super().server_close()
        self._end_those_before(time.monotonic())

    def _end_those_before(self, moment: float) -> None:
        """Have their threads find that they have ended."""
        with self._lock:
            for connection, began in self._began.items():
                if began <= moment:
                    with contextlib.suppress(OSError):  # its client was first
                        connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client has gone, or there is no thread for it."""


def _verdict(record: Record) -> Verdict:
    if record.result is not None:
        return record.result.verdict
    return Verdict.CANCELLED if isinstance(record.error, asyncio.CancelledError) else Verdict.INTERNAL_ERROR


def _step(error: BaseException | None) -> str:
    """Name what failed: a step of the set-up, the run, or, with an error that nobody raised on purpose, our code."""
    if isinstance(error, SetupFailed):
        return error.step
    return "run" if error is None or isinstance(error, ContainerLost) else "bug"


def _size(submission: Submission) -> int:
    sources = submission.program.files if isinstance(submission.program, Source) else ()
    return len(submission.stdin) + sum(len(file.content) for file in (*sources, *submission.files))


def _version() -> str:
    try:
        return metadata.version("sandboxd")
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
