"""``serve`` and ``doctor``: the commands of whoever owns the machine."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sandboxd.cli.connect import fail

_config_option = click.option(
    "--config", metavar="FILE", envvar="SANDBOXD_CONFIG", help="Configuration in TOML [env: SANDBOXD_CONFIG]."
)
_state_option = click.option(
    "--state-dir",
    metavar="DIR",
    help="Where the images are [default: /var/lib/sandboxd; not as root ~/.local/share/sandboxd].",
)


@click.command()
@click.option("--listen", metavar="ADDR", help="HOST:PORT or unix:PATH [default: 127.0.0.1:50051].")
@click.option("--metrics-listen", metavar="HOST:PORT", help="Where /metrics is served [default: nowhere].")
@click.option("--policies-dir", metavar="DIR", help="Policies [default: those that sandboxd ships].")
@click.option("--slots", type=int, metavar="N", help="Executions at one time [default: four a CPU].")
@click.option("--queue", type=int, metavar="N", help="Submissions that may wait [default: 256].")
@click.option(
    "--pool-min", type=int, metavar="N", help="Containers kept ready at least, of each image and policy [default: 2]."
)
@click.option(
    "--pool-max", type=int, metavar="N", help="Containers kept ready at most, of all together [default: 64; 0: none]."
)
@click.option(
    "--templates", type=int, metavar="N", help="Runtimes kept loaded, to fork programs from [default: 4; 0: none]."
)
@click.option(
    "--pool-memory-bytes", type=int, metavar="N", help="Memory of those [default: a sixteenth of the machine's]."
)
@click.option(
    "--drain-s", type=float, metavar="S", help="Seconds that executions may go on after SIGTERM [default: 30]."
)
@click.option("--tls-cert", metavar="FILE", help="Certificate in PEM; needed beyond loopback.")
@click.option("--tls-key", metavar="FILE", help="Its key.")
@click.option("--tls-client-ca", metavar="FILE", help="Clients must show a certificate that this CA signed.")
@_state_option
@_config_option
def serve(config: str | None, **flags: Any) -> None:
    """Start the server. It refuses to where containment cannot be had; `sandboxd doctor` says why."""
    from sandboxd.app import App, run_server  # noqa: PLC0415  (the server: only where one is started)
    from sandboxd.errors import SandboxError  # noqa: PLC0415

    def announce(app: App) -> None:
        click.echo(f"listening on {app.address}")
        if app.metrics_address:
            click.echo(f"metrics on {app.metrics_address}")
        sys.stdout.flush()

    try:
        run_server(_load(config, flags), announce)
    except SandboxError as error:
        fail(str(error))


@click.command()
@click.option("--attack", "attacking", is_flag=True, help="Then run the hostile suite against a server of this host.")
@click.option("--only", metavar="GLOB", help="Of the suite only what matches, such as 'memory/*'.")
@click.option("--policy", metavar="NAME", help="Attack under this policy [default: the server's].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_state_option
@_config_option
def doctor(
    config: str | None, as_json: bool, attacking: bool, only: str | None, policy: str | None, **flags: Any
) -> None:
    """Say line by line what this host offers and what is missing, each with its fix. Exits 1 if something required is.

    With --attack a server is started as your configuration says, on a socket of its own, and more than a hundred hostile
    programs are run on it, each bounded and all inside a control group. The report says of each whether every wall held,
    and whether it ended exactly as it does under the default policy. Exits 1 if one was not contained, but for those that a
    server of an ordinary user cannot contain: they are told as lost.
    """
    from sandboxd import app  # noqa: PLC0415
    from sandboxd.errors import SandboxError  # noqa: PLC0415

    if not attacking and (only or policy):
        fail("--only and --policy go with --attack")
    try:
        loaded = _load(config, flags)
        checks = app.doctor(loaded)
    except SandboxError as error:
        fail(str(error))
    if attacking and all(check.ok or not check.required for check in checks):
        sys.exit(not _attack(loaded, policy or "", only or "*", as_json=as_json))
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            mark = "ok  " if check.ok else "FAIL" if check.required else "warn"
            click.echo(f"{mark}  {check.name:<13} {check.finding}")
            if not check.ok:
                click.echo(f"      fix: {check.fix}")
    sys.exit(any(check.required and not check.ok for check in checks))


def _attack(config: Any, policy: str, only: str, *, as_json: bool) -> bool:
    from sandboxd.attack.guard import LeftBehind  # noqa: PLC0415
    from sandboxd.attack.program import InvalidAttack  # noqa: PLC0415
    from sandboxd.attack.target import Broken  # noqa: PLC0415
    from sandboxd.cli.attack import attack  # noqa: PLC0415
    from sandboxd.client.server import ServerFailed  # noqa: PLC0415

    try:
        return attack(config, policy, only, as_json=as_json)
    except LeftBehind as error:
        fail(f"left behind: {error}")
    except (Broken, InvalidAttack, ServerFailed) as error:
        fail(str(error))
    except OSError as error:
        fail(f"the guard's control group: {error}")


def _load(path: str | None, flags: dict[str, Any]) -> Any:
    from sandboxd.config import load_config  # noqa: PLC0415

    return load_config(Path(path) if path else None, os.environ, flags)
