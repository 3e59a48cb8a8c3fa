"""What a Prometheus gets: the format by promtool, the figures by a real scrape."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request

import grpc
import pytest

from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command, python
from tests.observe import sample, scrape, wait_for
from tests.server import serving

PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")


@pytest.fixture
def metrics_address(api):
    """Where the server of these tests shows its metrics."""
    return api.app.metrics_address


def test_promtool_finds_nothing_to_complain_of(client, metrics_address):
    client.execute(python("print(1)"))
    client.execute(python("1/0"))
    result = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=scrape(metrics_address).encode(), capture_output=True, check=False
    )

    assert (0, b"") == (result.returncode, result.stdout + result.stderr)


@pytest.mark.parametrize(
    ("request_", "verdict", "language"),
    [
        (python("pass"), "OK", "python"),
        (python("1/0"), "NONZERO_EXIT", "python"),
        (command("/bin/sh", "-c", "kill -9 $$"), "SIGNALED", "none"),
        (python("while True: print('x' * 9999)"), "OUTPUT_LIMIT", "python"),
        (python("x = bytearray(1 << 30)"), "MEMORY_LIMIT", "python"),
    ],
)
def test_executions_are_counted_by_verdict_language_and_image(client, metrics_address, request_, verdict, language):
    labels = {"verdict": verdict, "language": language, "image": "default"}
    before = sample(scrape(metrics_address), "sandboxd_executions_total", **labels)
    client.execute(request_)
    wait_for(lambda: not client.list())  # it is counted after its answer

    assert before + 1 == sample(scrape(metrics_address), "sandboxd_executions_total", **labels)


@pytest.mark.parametrize("data", [b"\xff", pb.ExecuteRequest(env={"A=B": ""}).SerializeToString()])
@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_no_valid_request_is_counted_as_refused(client, metrics_address, data, streamed):
    """Whoever finds it out."""
    before = sample(scrape(metrics_address), "sandboxd_rejected_total", reason="invalid")
    if streamed:
        stream = client.channel.stream_stream("/sandboxd.v1.ExecutionService/ExecuteStream")
        message = b"\x0a" + bytes([len(data)]) + data
        code = stream(iter([message])).code()
    else:
        code = client.channel.unary_unary("/sandboxd.v1.ExecutionService/Execute").future(data).code()

    assert grpc.StatusCode.INVALID_ARGUMENT == code
    assert before + 1 == sample(scrape(metrics_address), "sandboxd_rejected_total", reason="invalid")


def test_live_containers_are_a_gauge(client, metrics_address):
    call = client.stub.Execute.future(python("import time; time.sleep(20)"))
    wait_for(lambda: [e for e in client.list() if e.phase == pb.PHASE_RUN])
    wait_for(lambda: sample(scrape(metrics_address), "sandboxd_containers", state="live") == 1)
    call.cancel()
    wait_for(lambda: sample(scrape(metrics_address), "sandboxd_containers", state="live") == 0)


def test_a_cancelled_run_has_its_usage_in_the_metrics(client, metrics_address):
    before = sample(scrape(metrics_address), "sandboxd_executions_total", verdict="CANCELLED")
    cpu = sample(scrape(metrics_address), "sandboxd_cpu_seconds_sum", language="python")
    call = client.stub.Execute.future(python("while True: pass"))
    wait_for(lambda: [e for e in client.list() if e.cpu_time.ToNanoseconds() > 200_000_000])
    call.cancel()
    wait_for(lambda: sample(scrape(metrics_address), "sandboxd_executions_total", verdict="CANCELLED") == before + 1)

    assert sample(scrape(metrics_address), "sandboxd_cpu_seconds_sum", language="python") - cpu > 0.2


def test_a_real_prometheus_scrapes_it(tmp_path):
    """Its own target page says that the scrape is up, and a query gives the figure back."""
    with serving("--metrics-listen", "127.0.0.1:0") as server:
        from sandboxd.client import SandboxClient

        with SandboxClient(server.address) as client:
            for _ in range(3):
                client.execute(command("true"))
        (tmp_path / "prometheus.yml").write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
                    "scrape_configs": [
                        {"job_name": "sandboxd", "static_configs": [{"targets": [server.metrics_address]}]}
                    ],
                }
            )
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        process = subprocess.Popen(
            [
                PROMETHEUS,
                f"--config.file={tmp_path}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/data",
                f"--web.listen-address={address}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: query(address, 'up{job="sandboxd"}') == ["1"])
            found = query(address, 'sandboxd_executions_total{verdict="OK",language="none"}')
        finally:
            process.terminate()
            process.wait(20)

    assert ["3"] == found


def query(address, expression):
    """Return the values of a query; nothing where Prometheus does not answer yet."""
    url = f"http://{address}/api/v1/query?query={urllib.parse.quote(expression)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return [series["value"][1] for series in json.load(response)["data"]["result"]]
    except OSError:
        return []
