"""``bench``: what an execution costs on this machine, beside the same program bare and in other sandboxes."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import grpc

from sandboxd.bench import machine, plot, table
from sandboxd.bench.figures import Report
from sandboxd.bench.stage import Stage, stage
from sandboxd.bench.suite import SIZES, Options, Suite
from sandboxd.bench.turns import Broken
from sandboxd.cli.connect import describe, fail, unwind_on_signals
from sandboxd.cli.server import Server, server_options
from sandboxd.client import SandboxClient
from sandboxd.client.server import ServerFailed, ServerProcess, serving
from sandboxd.config import Config, load_config, variables
from sandboxd.errors import SandboxError


@click.command()
@click.option("--quick", "size", flag_value="quick", help="Measure little: a minute.")
@click.option(
    "--full", "size", flag_value="full", help="Measure much, with 1,000 live containers: a quarter of an hour."
)
@click.option(
    "--only", metavar="GLOB", multiple=True, help="Only the rows whose names match, such as 'true/*'. May be repeated."
)
@click.option("--json", "json_file", metavar="FILE", help="Write all samples there, too.")
@click.option("--plot", "plot_file", metavar="FILE.png", help="Draw the distributions there. Needs matplotlib.")
@click.option(
    "--floor", metavar="FILE", help="The floor in C, which `make bench` builds: the least that a container costs."
)
@click.option("--state-dir", metavar="DIR", help="Where the images are [default: the server's].")
@server_options
def bench(
    server: Server,
    size: str | None,
    only: tuple[str, ...],
    json_file: str | None,
    plot_file: str | None,
    floor: str | None,
    state_dir: str | None,
) -> None:
    """Measure a server beside the same programs bare and in whatever other sandboxes are on PATH, turn by turn in one run.

    Without --server one is started for this call, as `sandboxd serve` starts it, as a process of its own. Every figure
    is taken as users get it, by gRPC; the table says of each what its ratio is to, and whether the
    targets of docs/performance.md are met. That page has the rows' names, too; the last column says what programs were started from.
    """
    unwind_on_signals()
    if plot_file is not None and not plot.is_available():
        fail("--plot needs matplotlib: pip install 'sandboxd[bench]'")
    if machine.is_busy():
        click.echo("sandboxd: this machine has other work: the figures will be of that, too", err=True)
    try:
        config = load_config(_config_file(), os.environ, {"state_dir": state_dir})
        report = _run(server, config, Options(size=SIZES[size or "default"], only=only, floor=floor))
        if json_file is not None:
            Path(json_file).write_text(json.dumps(table.plain(report), indent=1) + "\n")
        if plot_file is not None:
            plot.draw(report, plot_file)
    except (Broken, ServerFailed, SandboxError) as error:
        fail(str(error))
    except (grpc.RpcError, click.UsageError) as error:
        fail(describe(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    click.echo(table.render(report))


def _config_file() -> Path | None:
    path = os.environ.get("SANDBOXD_CONFIG")
    return Path(path) if path else None


def _run(server: Server, config: Config, options: Options) -> Report:
    with (
        stage(config.store, config.default_image, config.default_policy) as place,
        _connected(server, config, place) as (client, address, process),
    ):
        report = Suite(place, client, address, process, options).run(_progress)
    _progress("")
    if not report.rows and not report.skipped:
        raise click.UsageError(f"--only {' '.join(options.only)}: no row has such a name")
    return report


@contextlib.contextmanager
def _connected(
    server: Server, config: Config, place: Stage
) -> Iterator[tuple[SandboxClient, str, ServerProcess | None]]:
    """Give a client of the server that is meant, its address, and its process where it is started for this call."""
    if server.address is not None:
        with SandboxClient(server.address, credentials=server.credentials()) as client:
            yield client, server.address, None
        return
    for variable in variables():  # what they say is in the configuration
        os.environ.pop(variable, None)
    file = place.file("sandboxd.toml", config.private("/").to_toml())  # its address is a flag
    os.environ["SANDBOXD_CONFIG"] = file
    with serving("--config", file) as process, SandboxClient(process.address) as client:
        yield client, process.address, process


def _progress(text: str) -> None:
    """Say on a terminal how far it is, in one line."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)
