"""``ps``, ``stop``, ``logs``, ``attach``: as users of container tools expect them."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator

import click
import grpc
from google.protobuf import json_format

from sandboxd.cli import terminal
from sandboxd.cli.connect import connect, describe, printable
from sandboxd.cli.exit import EXIT_OURS
from sandboxd.cli.outgoing import Outgoing
from sandboxd.cli.run import exit_status, show, standard_input, verdict_line
from sandboxd.cli.server import Server, server_options
from sandboxd.cli.table import print_table
from sandboxd.client import SandboxClient
from sandboxd.client.client import short_name
from sandboxd.v1 import execution_service_pb2 as pb

_SHORT_ID = 12
_COLUMNS = ("EXECUTION ID", "IMAGE", "LANGUAGE", "PROGRAM", "STATUS", "AGE", "CPU", "MEMORY")
_STOP_S = 10.0


@click.command()
@click.option(
    "--all", "-a", "include_ended", is_flag=True, help="Show those that have ended, too, as far as remembered."
)
@click.option("--quiet", "-q", is_flag=True, help="Show ids only.")
@click.option("--no-trunc", is_flag=True, help="Show whole ids.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@server_options
def ps(server: Server, include_ended: bool, quiet: bool, no_trunc: bool, as_json: bool) -> None:
    """List what is queued or runs, oldest first."""
    with connect(server) as client:
        executions = client.list(include_ended=include_ended)
    if as_json:
        click.echo(json_format.MessageToJson(pb.ListExecutionsResponse(executions=executions)))
        return
    rows = [_row(execution, no_trunc=no_trunc) for execution in executions]
    if quiet:
        for row in rows:
            click.echo(row[0])
        return
    print_table(_COLUMNS, rows)


@click.command()
@click.option(
    "--time",
    "-t",
    "seconds",
    type=click.FloatRange(0, 3600),
    default=_STOP_S,
    show_default=True,
    metavar="S",
    help="Seconds that a program may take to end after SIGTERM, before it is killed.",
)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@server_options
def stop(server: Server, ids: tuple[str, ...], seconds: float) -> None:
    """End executions; their callers are told VERDICT_CANCELLED. One that is not there does not save the others."""
    missed = False
    with connect(server) as client:
        for prefix in ids:
            try:
                client.cancel(resolve(client, prefix).execution_id, grace_s=seconds)
            except (click.UsageError, grpc.RpcError) as error:
                missed = True
                click.echo(f"sandboxd: {printable(describe(error))}", err=True)
            else:
                click.echo(prefix)
    sys.exit(EXIT_OURS if missed else 0)


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on until it ends.")
@click.argument("execution_id", metavar="ID")
@server_options
def logs(server: Server, execution_id: str, follow: bool) -> None:
    """Show what an execution has written; those that have ended are remembered for a while."""
    with connect(server) as client:
        show(client.logs(resolve(client, execution_id).execution_id, follow=follow))


@click.command()
@click.argument("execution_id", metavar="ID")
@server_options
def attach(server: Server, execution_id: str) -> None:
    """Join a running execution: its output from now on, and its input if it was started with its streams open.

    A terminal is joined to this one. Leaving ends nothing.
    """
    outgoing: Outgoing[pb.AttachExecutionRequest] = Outgoing()
    with connect(server) as client:
        execution = resolve(client, execution_id)
        outgoing.put(pb.AttachExecutionRequest(execution_id=execution.execution_id))
        try:
            with _joined(execution, outgoing):
                response = show(client.attach(outgoing))
        except KeyboardInterrupt:
            return
        finally:
            outgoing.end()
    if response is not None:
        if response.verdict != pb.VERDICT_OK:
            click.echo(verdict_line(response), err=True)
        sys.exit(exit_status(response))


@contextlib.contextmanager
def _joined(execution: pb.Execution, outgoing: Outgoing[pb.AttachExecutionRequest]) -> Iterator[None]:
    """Pass on what is typed here, to a terminal every key and the size, where the execution takes input at all."""
    if not execution.accepts_stdin:
        yield
        return

    def resized() -> None:
        outgoing.put(pb.AttachExecutionRequest(window_size=terminal.window_size()))

    if execution.tty:
        resized()
    with terminal.raw(resized) if execution.tty else contextlib.nullcontext():
        threading.Thread(target=_forward, args=(outgoing,), daemon=True).start()
        yield


def resolve(client: SandboxClient, prefix: str) -> pb.Execution:
    """Find an execution by its id or the beginning of it. UsageError where it is none's, or that of several."""
    executions = client.list(include_ended=True)
    found = [execution for execution in executions if prefix and execution.execution_id.startswith(prefix)]
    if len(found) > 1:
        raise click.UsageError(f"{prefix}: the ids of {len(found)} executions begin so")
    if not found:
        raise click.UsageError(f"{prefix!r}: no execution that runs or is remembered has an id that begins so")
    return found[0]


def _forward(outgoing: Outgoing[pb.AttachExecutionRequest]) -> None:
    for data in standard_input():
        outgoing.put_input(pb.AttachExecutionRequest(stdin=data))


def _row(execution: pb.Execution, *, no_trunc: bool) -> tuple[str, ...]:
    return (
        execution.execution_id if no_trunc else execution.execution_id[:_SHORT_ID],
        execution.image,
        execution.language or "-",
        printable(execution.program),
        _status(execution),
        f"{execution.age.ToNanoseconds() / 1e9:.1f}s",
        f"{execution.cpu_time.ToNanoseconds() / 1e9:.2f}s" if execution.HasField("cpu_time") else "-",
        f"{execution.memory_bytes / 2**20:.1f}MiB" if execution.HasField("memory_bytes") else "-",
    )


def _status(execution: pb.Execution) -> str:
    """Say in a word how it is doing: its verdict, its phase, or that it waits."""
    if execution.verdict:
        return short_name(execution.verdict, pb.Verdict)
    return short_name(execution.phase, pb.Phase).lower() if execution.phase else "queued"
