"""What is counted, under which names and labels; and their port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import urllib.request
from collections.abc import Iterator

import pytest

from sandboxd import metrics
from sandboxd.errors import ContainerLost, InvalidConfiguration, InvalidSubmission, Overloaded, SetupFailed
from sandboxd.metrics import MetricsServer, PrometheusObserver
from sandboxd.model import File, Start, Usage, Verdict
from tests.slowness import SLOWNESS
from tests.unit.records import TEXT, command, output, phase, record, result

PYTHON = {"image": "default", "language": "python"}
RUN = PYTHON | {"phase": "run"}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def observer() -> PrometheusObserver:
    return PrometheusObserver()


@pytest.fixture
def server(observer) -> Iterator[MetricsServer]:
    server = MetricsServer(observer, "127.0.0.1:0")
    yield server
    server.stop()


def value(observer: PrometheusObserver, name: str, **labels: str) -> float | None:
    return observer.registry.get_sample_value(name, labels)


def scrape(server: MetricsServer, accept: str = "text/plain") -> str:
    request = urllib.request.Request(f"http://{server.address}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.INTERNAL_ERROR])
def test_execution_counts_by_image_language_and_verdict(observer, verdict):
    observer.execution_ended(record(result(phase(verdict))))

    assert 1 == value(observer, "sandboxd_executions_total", verdict=verdict.name, **PYTHON)


def test_command_counts_without_a_language(observer):
    observer.execution_ended(record(result(phase()), submission=command(), language=""))

    assert 1 == value(observer, "sandboxd_executions_total", image="default", language="none", verdict="OK")


def test_times_are_in_seconds_and_memory_in_bytes(observer):
    observer.execution_ended(record(result(phase())))

    assert 0.037 == pytest.approx(value(observer, "sandboxd_execution_duration_seconds_sum"))
    assert 0.001 == value(observer, "sandboxd_queue_wait_seconds_sum")
    assert 0.002 == value(observer, "sandboxd_container_create_seconds_sum")
    assert 0.02 == value(observer, "sandboxd_run_seconds_sum", **RUN)
    assert 0.01 == value(observer, "sandboxd_cpu_seconds_sum", **RUN)
    assert 3 << 20 == value(observer, "sandboxd_memory_peak_bytes_sum", **RUN)
    assert 0 == value(observer, "sandboxd_memory_peak_bytes_bucket", le="2.097152e+06", **RUN)
    assert 1 == value(observer, "sandboxd_memory_peak_bytes_bucket", le="4.194304e+06", **RUN)


def test_phases_count_apart(observer):
    observer.execution_ended(record(result(phase(), compiled=phase())))
    observer.execution_ended(record(result(compiled=phase(Verdict.COMPILE_ERROR))))

    assert 1 == value(observer, "sandboxd_run_seconds_count", **RUN)
    assert 2 == value(observer, "sandboxd_run_seconds_count", **PYTHON, phase="compile")


def test_figure_that_the_kernel_does_not_give_is_no_zero(observer):
    observer.execution_ended(record(result(phase(usage=Usage()))))

    for name in ("run_seconds", "cpu_seconds", "memory_peak_bytes"):
        assert value(observer, f"sandboxd_{name}_count", **RUN) is None


def test_execution_cancelled_in_the_queue_made_no_container(observer):
    observer.execution_ended(record(result(phase(Verdict.CANCELLED)), created_ns=0))

    assert 0 == value(observer, "sandboxd_container_create_seconds_count")


def test_bytes_count_in_and_out(observer):
    run = phase(stdout=output(b"12345"), stderr=output(b"12", total=100))
    observer.execution_ended(record(result(run, files=(File(path="a", content=b"1234"),))))

    assert 4 * len(TEXT) == value(observer, "sandboxd_submission_bytes_total")
    assert [5, 2, 4] == [
        value(observer, "sandboxd_answer_bytes_total", part=part) for part in ("stdout", "stderr", "files")
    ]
    assert 1 == value(observer, "sandboxd_truncated_outputs_total")


def test_kills_for_memory_and_violations_count(observer):
    observer.execution_ended(record(result(phase(Verdict.MEMORY_LIMIT, usage=Usage(oom_kills=3)))))
    observer.execution_ended(record(result(phase(Verdict.SECURITY_VIOLATION))))

    assert 3 == value(observer, "sandboxd_oom_kills_total")
    assert 1 == value(observer, "sandboxd_security_violations_total", policy="strict")


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (SetupFailed("pivot_root", 22, "Invalid argument"), "pivot_root"),
        (ContainerLost("gone"), "run"),
        (ZeroDivisionError(TEXT), "bug"),
    ],
)
def test_failure_of_ours_counts_by_step(observer, error, step):
    observer.execution_ended(record(error=error))

    assert 1 == value(observer, "sandboxd_internal_errors_total", step=step)
    assert 1 == value(observer, "sandboxd_executions_total", verdict="INTERNAL_ERROR", **PYTHON)


def test_answer_of_internal_error_counts_as_failure_of_the_run(observer):
    observer.execution_ended(record(result(phase(Verdict.INTERNAL_ERROR))))

    assert 1 == value(observer, "sandboxd_internal_errors_total", step="run")


def test_steps_without_end_do_not_make_labels_without_end(observer):
    for number in range(150):
        observer.execution_ended(record(error=SetupFailed(f"step{number}", 1, "")))

    assert 50 == value(observer, "sandboxd_internal_errors_total", step="other")


def test_images_without_end_do_not_make_labels_without_end(observer):
    """Clients name them: by tags, pulls, imports and commits."""
    names = [f"image{number}" for number in range(150)]
    for name in (*names, names[0]):
        observer.execution_ended(record(result(phase(), compiled=phase()), image=name))

    other = {"image": "other", "language": "other"}
    kept = {"image": names[0], "language": "python"}
    assert (50, 2) == tuple(
        value(observer, "sandboxd_executions_total", verdict="OK", **labels) for labels in (other, kept)
    )
    assert 50 == value(observer, "sandboxd_run_seconds_count", phase="run", **other)
    samples = [sample for metric in observer.registry.collect() for sample in metric.samples]
    assert {*names[:100], "other"} == {sample.labels["image"] for sample in samples if "image" in sample.labels}


def test_execution_that_was_cancelled_is_no_failure(observer):
    observer.execution_ended(record(error=asyncio.CancelledError()))

    assert 1 == value(observer, "sandboxd_executions_total", verdict="CANCELLED", **PYTHON)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(InvalidSubmission.of("files", ""), "invalid"), (Overloaded("", retry_after_s=1), "overloaded")],
)
def test_submission_that_is_refused_late_is_a_refusal_and_no_execution(observer, error, reason):
    observer.execution_ended(record(error=error))

    assert 1 == value(observer, "sandboxd_rejected_total", reason=reason)
    assert value(observer, "sandboxd_executions_total", verdict="INTERNAL_ERROR", **PYTHON) is None


def test_refusals_count_from_zero(observer):
    observer.rejected("overloaded")

    assert [0, 1, 0] == [
        value(observer, "sandboxd_rejected_total", reason=reason) for reason in ("invalid", "overloaded", "draining")
    ]


def test_gauges_are_asked_at_each_scrape(observer):
    now = {"depth": 0, "live": 0, "pooled": 0, "hit": 0, "target": 0}
    observer.watch(
        queue_depth=lambda: now["depth"],
        live=lambda: now["live"],
        pooled=lambda: now["pooled"],
        pool_target=lambda: now["target"],
        taken=lambda: {"hit": now["hit"]},
    )
    now.update(depth=5, live=6, pooled=7, hit=8, target=9)

    assert (5, 6, 7, 8, 9) == (
        value(observer, "sandboxd_queue_depth"),
        value(observer, "sandboxd_containers", state="live"),
        value(observer, "sandboxd_containers", state="pooled"),
        value(observer, "sandboxd_pool_takes_total", result="hit"),
        value(observer, "sandboxd_pool_target_containers"),
    )


def test_starts_count_by_what_there_was_before(observer):
    observer.execution_ended(record(result(phase(start=Start.POOLED), compiled=phase(start=Start.COLD))))
    observer.execution_ended(record(result(phase(start=Start.POOLED))))
    observer.execution_ended(record(result(phase(Verdict.CANCELLED, start=None))))

    assert [1, 2, 0] == [
        value(observer, "sandboxd_starts_total", start=start) for start in ("cold", "pooled", "template")
    ]


def test_spare_containers_count_with_the_time_they_took(observer):
    observer.spare_made(0.004)

    assert 0.004 == value(observer, "sandboxd_pool_make_seconds_sum")
    assert 1 == value(observer, "sandboxd_pool_make_seconds_bucket", le="0.005")


def test_calls_count_by_method_and_code(observer):
    observer.rpc_finished("sandboxd.v1.ExecutionService", "Execute", "OK", 0.25)

    method = {"grpc_service": "sandboxd.v1.ExecutionService", "grpc_method": "Execute"}
    assert 1 == value(observer, "grpc_server_handled_total", grpc_code="OK", **method)
    assert 0.25 == value(observer, "grpc_server_handling_seconds_sum", **method)


def test_no_byte_of_a_submission_becomes_a_label(observer, server):
    observer.execution_ended(record(result(phase(stdout=output(TEXT.encode())))))
    observer.execution_ended(record(error=ValueError(TEXT)))

    assert TEXT not in scrape(server) + scrape(server, OPENMETRICS)


def test_port_is_a_free_one_where_none_is_named(server):
    assert server.address.startswith("127.0.0.1:")
    assert not server.address.endswith(":0")


def test_port_serves_openmetrics_with_the_id_of_an_execution_beside_its_bucket(observer, server):
    observer.execution_ended(record(result(phase())))

    text = scrape(server, OPENMETRICS)

    assert text.endswith("# EOF\n")
    assert '# {execution_id="e1"} 0.037' in text


def test_there_are_no_series_of_creation_times(observer, server):
    observer.execution_ended(record(result(phase())))

    assert "_created" not in scrape(server).replace("sandboxd_container_created", "")


def test_port_that_is_taken_is_an_error_of_the_configuration(observer):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InvalidConfiguration, match=f"metrics_listen: cannot bind {address}"):
            MetricsServer(observer, address)


def test_port_is_closed_by_stop(observer):
    server = MetricsServer(observer, "[::1]:0")
    assert server.address.startswith("[::1]:")
    scrape(server)

    server.stop()

    with pytest.raises(OSError, match="refused"):
        scrape(server)


def connect(server: MetricsServer) -> socket.socket:
    host, _, port = server.address.rpartition(":")
    connection = socket.create_connection((host, int(port)))
    connection.settimeout(10 * SLOWNESS)
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Wait until it is."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_who_says_nothing_has_no_thread_for_ever(server, monkeypatch):
    """Nor does who says a little now and then. What is above a bounded number is closed at once, and the next is served when they have gone."""
    monkeypatch.setattr(metrics, "_CONNECTION_S", 0.3)
    before = threading.active_count()
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connect(server)) for _ in range(100)]
        dripping, went_on = silent[0], threading.Event()

        def drip() -> None:
            with contextlib.suppress(OSError):
                while not went_on.wait(0.05):
                    dripping.sendall(b"G")

        dripper = threading.Thread(target=drip)
        dripper.start()
        most = 0
        for connection in reversed(silent):
            most = max(most, threading.active_count() - before)
            assert is_closed(connection)
        went_on.set()
        dripper.join()

    assert most < 50  # 16, the dripper, and some that are on their way out
    assert scrape(server)


def test_end_closes_what_is_open(observer):
    server = MetricsServer(observer, "127.0.0.1:0")
    with connect(server) as silent, connect(server) as served:
        served.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert served.recv(1) == b"H"

        server.stop()

        assert is_closed(silent)


def test_two_observers_share_nothing(observer):
    other = PrometheusObserver()
    observer.rejected("invalid")

    assert 0 == value(other, "sandboxd_rejected_total", reason="invalid")
