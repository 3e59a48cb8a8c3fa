"""Metrics for Prometheus: an observer around the service, and their port. The only file that knows prometheus_client.

Labels are bounded: verdicts and phases are words of ours, languages and images names of the configuration. Nothing that
a client chooses becomes a label; an execution's id is an exemplar, which OpenMetrics keeps beside a bucket.
"""

from __future__ import annotations

import asyncio
import platform
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import metadata
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
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
from sandboxd.model import SECOND_NS, ExecutionResult, PhaseResult, Source, Submission, Verdict
from sandboxd.service.observer import Record

_SERVICE = "sandboxd.v1.ExecutionService"
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
NO_LANGUAGE = "none"
"""Label of an execution that was given a command and not source code."""


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
        self._steps: set[str] = set()

    def _define_executions(self) -> None:
        self._executions = cache(
            self._counter("sandboxd_executions", "Executions that have ended.", "image", "language", "verdict").labels
        )
        self._duration = self._histogram("sandboxd_execution_duration_seconds", "From acceptance to the answer.")
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
        self._errors = cache(self._counter("sandboxd_internal_errors", "Failures of ours, by step.", "step").labels)
        self._depth = Gauge("sandboxd_queue_depth", "Submissions that wait for a slot.", registry=self.registry)
        self._containers = Gauge("sandboxd_containers", "Containers that exist.", ("state",), registry=self.registry)
        build = Gauge("sandboxd_build_info", "What runs here.", ("version", "python"), registry=self.registry)
        build.labels(_version(), platform.python_version()).set(1)
        # A series that appears with its first event hides that event from rate().
        for reason in _REJECTIONS.values():
            self._rejected(reason)
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
        taken: Callable[[], Mapping[str, int]],
    ) -> None:
        """Ask these at every scrape, from a thread of the metrics' own."""
        self._depth.set_function(lambda: float(queue_depth()))
        self._containers.labels("live").set_function(lambda: float(live()))
        self._containers.labels("pooled").set_function(lambda: float(pooled()))
        self.registry.register(_PoolCollector(taken))

    def execution_ended(self, record: Record) -> None:
        """Count it, and what it used."""
        rejection = _REJECTIONS.get(type(record.error)) if record.error is not None else None
        if rejection is not None:  # found out too late for ``submit`` to say so
            self.rejected(rejection)
            return
        language = record.language or NO_LANGUAGE
        verdict = _verdict(record)
        self._executions(record.image, language, verdict.name).inc()
        self._queue.observe(record.queued_ns / SECOND_NS)
        if record.created_ns:
            self._create.observe(record.created_ns / SECOND_NS)
        self._in.inc(_size(record.submission))
        if verdict is Verdict.INTERNAL_ERROR:
            self._errors(self._bounded(_step(record.error))).inc()
        if verdict is Verdict.SECURITY_VIOLATION:
            self._violations(record.policy).inc()
        if record.result is not None:
            self._count_result(record.result, record.image, language)

    def rejected(self, reason: str) -> None:
        """Count it."""
        self._rejected(reason).inc()

    def rpc_finished(self, method: str, code: str, seconds: float) -> None:
        """Count a call of ExecutionService."""
        self._handled(_SERVICE, method, code).inc()
        self._handling(_SERVICE, method).observe(seconds)

    def _count_result(self, result: ExecutionResult, image: str, language: str) -> None:
        timings = result.timings
        total_ns = timings.queued_ns + timings.created_ns + timings.ran_ns + timings.collected_ns
        self._duration.observe(total_ns / SECOND_NS, {"execution_id": result.execution_id})
        self._out("files").inc(sum(len(file.content) for file in result.files))
        for phase, outcome in (("compile", result.compile), ("run", result.run)):
            if outcome is not None:
                self._count_phase(outcome, (image, language, phase))

    def _count_phase(self, outcome: PhaseResult, labels: tuple[str, str, str]) -> None:
        usage = outcome.usage
        if usage.wall_time_ns is not None:
            self._wall(*labels).observe(usage.wall_time_ns / SECOND_NS)
        if usage.cpu_time_ns is not None:
            self._cpu(*labels).observe(usage.cpu_time_ns / SECOND_NS)
        if usage.memory_peak_bytes is not None:
            self._memory(*labels).observe(usage.memory_peak_bytes)
        self._oom.inc(usage.oom_kills or 0)
        for part, output in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
            self._out(part).inc(len(output.data))
            self._truncated.inc(output.truncated)

    def _bounded(self, step: str) -> str:
        if len(self._steps) < _MAX_STEPS:
            self._steps.add(step)
        return step if step in self._steps else "other"

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)


class MetricsServer:
    """Serves /metrics, on a port and a thread of its own."""

    def __init__(self, observer: PrometheusObserver, listen: str) -> None:
        host, _, port = listen.rpartition(":")
        try:
            server, thread = start_http_server(int(port), addr=host.strip("[]"), registry=observer.registry)
        except (OSError, ValueError) as error:
            raise InvalidConfiguration(f"metrics_listen: cannot bind {listen}: {error}") from error
        self._server: WSGIServer = server
        self._thread: threading.Thread = thread
        self.address = f"{host}:{server.server_port}"
        """HOST:PORT, with the port that was free where 0 was asked for."""

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


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
