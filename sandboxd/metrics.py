"""Metrics for Prometheus: an observer around the service, and their port. The only file that knows prometheus_client.

Labels are bounded: verdicts, languages and images are names of the configuration, never of a request.
"""

from __future__ import annotations

import platform
import threading
from importlib import metadata
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from sandboxd.errors import InvalidConfiguration, SetupFailed
from sandboxd.model import SECOND_NS, PhaseResult, Verdict
from sandboxd.service.observer import Record

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)
_BYTES = tuple(float(1 << exponent) for exponent in range(20, 35))  # 1 MiB to 16 GiB
_LABELS = ("image", "language")


class PrometheusObserver:
    """Counts what the service does."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._executions = Counter(
            "sandboxd_executions", "Executions that have ended.", ("verdict", *_LABELS), registry=self.registry
        )
        self._queue = self._histogram("sandboxd_queue_wait_seconds", "Time in the queue.", _SECONDS)
        self._create = self._histogram("sandboxd_container_create_seconds", "Time to make the containers.", _SECONDS)
        self._run = self._histogram("sandboxd_run_seconds", "Wall time of the run phase.", _SECONDS, _LABELS)
        self._cpu = self._histogram("sandboxd_cpu_seconds", "CPU time of the run phase.", _SECONDS, _LABELS)
        self._memory = self._histogram("sandboxd_memory_peak_bytes", "Peak memory of the run phase.", _BYTES, _LABELS)
        self._rejected = Counter(
            "sandboxd_rejections", "Submissions that were not taken.", ("reason",), registry=self.registry
        )
        self._bytes = Counter(
            "sandboxd_transferred_bytes",
            "Bytes of submissions (in), and of output and files (out).",
            ("direction",),
            registry=self.registry,
        )
        self._errors = Counter(
            "sandboxd_internal_errors",
            "Failures of the platform, by the step that failed.",
            ("step",),
            registry=self.registry,
        )
        self._oom = Counter("sandboxd_oom_kills", "Processes killed for memory.", registry=self.registry)
        self._violations = Counter(
            "sandboxd_security_violations", "Programs ended by their policy.", ("policy",), registry=self.registry
        )
        self._depth = Gauge("sandboxd_queue_depth", "Submissions that wait.", registry=self.registry)
        self._containers = Gauge("sandboxd_containers", "Containers that exist.", ("state",), registry=self.registry)
        self._handled = Counter(
            "grpc_server_handled",
            "RPCs that have ended.",
            ("grpc_service", "grpc_method", "grpc_code"),
            registry=self.registry,
        )
        self._handling = Histogram(
            "grpc_server_handling_seconds",
            "Time of RPCs.",
            ("grpc_service", "grpc_method"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        build = Gauge("sandboxd_build_info", "What runs here.", ("version", "python"), registry=self.registry)
        build.labels(metadata.version("sandboxd"), platform.python_version()).set(1)
        for reason in ("invalid", "overloaded", "draining"):
            self._rejected.labels(reason)
        for state in ("live", "pooled"):
            self._containers.labels(state)

    def execution_ended(self, record: Record) -> None:
        """Count it, and what it used."""
        labels = (record.image, record.language)
        self._queue.observe(record.queued_ns / SECOND_NS)
        self._create.observe(record.created_ns / SECOND_NS)
        submission = record.submission
        self._bytes.labels("in").inc(len(submission.stdin) + sum(len(file.content) for file in submission.files))
        result = record.result
        verdict = result.verdict if result is not None else Verdict.INTERNAL_ERROR
        self._executions.labels(verdict.name, *labels).inc()
        if verdict is Verdict.INTERNAL_ERROR:
            step = record.error.step if isinstance(record.error, SetupFailed) else "run"
            self._errors.labels(step).inc()
        if result is None:
            return
        if verdict is Verdict.SECURITY_VIOLATION:
            self._violations.labels(record.policy).inc()
        self._bytes.labels("out").inc(sum(len(file.content) for file in result.files))
        for phase in (result.compile, result.run):
            if phase is not None:
                self._bytes.labels("out").inc(len(phase.stdout.data) + len(phase.stderr.data))
                self._oom.inc(phase.usage.oom_kills or 0)
        if result.run is not None:
            self._observe_usage(result.run, labels)

    def rejected(self, reason: str) -> None:
        """Count it."""
        self._rejected.labels(reason).inc()

    def queue_depth(self, depth: int) -> None:
        """Show it."""
        self._depth.set(depth)

    def containers(self, live: int) -> None:
        """Show it."""
        self._containers.labels("live").set(live)

    def rpc_finished(self, method: str, code: str, seconds: float) -> None:
        """Count a call of ExecutionService."""
        self._handled.labels("sandboxd.v1.ExecutionService", method, code).inc()
        self._handling.labels("sandboxd.v1.ExecutionService", method).observe(seconds)

    def _observe_usage(self, phase: PhaseResult, labels: tuple[str, str]) -> None:
        usage = phase.usage
        if usage.wall_time_ns is not None:
            self._run.labels(*labels).observe(usage.wall_time_ns / SECOND_NS)
        if usage.cpu_time_ns is not None:
            self._cpu.labels(*labels).observe(usage.cpu_time_ns / SECOND_NS)
        if usage.memory_peak_bytes is not None:
            self._memory.labels(*labels).observe(usage.memory_peak_bytes)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)


class MetricsServer:
    """Serves /metrics on a thread of its own."""

    def __init__(self, observer: PrometheusObserver, listen: str) -> None:
        host, _, port = listen.rpartition(":")
        try:
            server, thread = start_http_server(int(port), addr=host.strip("[]"), registry=observer.registry)
        except (OSError, ValueError) as error:
            raise InvalidConfiguration(f"metrics_listen: cannot bind {listen}: {error}") from error
        self._server: WSGIServer = server
        self._thread: threading.Thread = thread
        self.address = f"{host}:{server.server_port}"

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
