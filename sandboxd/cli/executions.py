"""``ps``, ``stop``, ``logs``, ``attach``: as users of container tools expect them."""

from __future__ import annotations

import queue
import sys
import threading

import click
import grpc
from google.protobuf import json_format

from sandboxd.cli.connect import EXIT_OURS, connect, describe, printable
from sandboxd.cli.run import exit_status, show, standard_input, verdict_line
from sandboxd.cli.server import Server, server_options
from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb

_SHORT_ID = 12
_FULL_ID = 32
_COLUMNS = ("EXECUTION ID", "IMAGE", "LANGUAGE", "PHASE", "AGE", "CPU", "MEMORY")


@click.command()
@click.option("--no-trunc", is_flag=True, help="Show whole ids.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@server_options
def ps(server: Server, no_trunc: bool, as_json: bool) -> None:
    """List what is queued or runs, oldest first."""
    with connect(server) as client:
        executions = client.list()
    if as_json:
        click.echo(json_format.MessageToJson(pb.ListExecutionsResponse(executions=executions)))
        return
    rows = [_COLUMNS, *(_row(execution, no_trunc=no_trunc) for execution in executions)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@server_options
def stop(server: Server, ids: tuple[str, ...]) -> None:
    """Kill executions; their callers are told VERDICT_CANCELLED. One that is not there does not save the others."""
    missed = False
    with connect(server) as client:
        for prefix in ids:
            try:
                client.cancel(resolve(client, prefix))
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
        show(client.logs(resolve(client, execution_id), follow=follow))


@click.command()
@click.argument("execution_id", metavar="ID")
@server_options
def attach(server: Server, execution_id: str) -> None:
    """Join a running execution: its output from now on, and its input if it was started with its streams open."""
    outgoing: queue.SimpleQueue[pb.AttachExecutionRequest | None] = queue.SimpleQueue()
    with connect(server) as client:
        outgoing.put(pb.AttachExecutionRequest(execution_id=resolve(client, execution_id)))
        threading.Thread(target=_forward, args=(outgoing,), daemon=True).start()
        try:
            response = show(client.attach(iter(outgoing.get, None)))
        except KeyboardInterrupt:
            return
        finally:
            outgoing.put(None)
    if response is not None:
        if response.verdict != pb.VERDICT_OK:
            click.echo(verdict_line(response), err=True)
        sys.exit(exit_status(response))


def resolve(client: SandboxClient, prefix: str) -> str:
    """Complete an abbreviated id of what runs. UsageError where it is none's, or that of several."""
    if len(prefix) == _FULL_ID:
        return prefix
    ids = [execution.execution_id for execution in client.list()]
    found = [whole for whole in ids if prefix and whole.startswith(prefix)]
    if len(found) > 1:
        raise click.UsageError(f"{prefix}: the ids of {len(found)} executions begin so")
    if not found:
        raise click.UsageError(
            f"{prefix!r}: the id of nothing that runs begins so; of what has ended give the whole id"
        )
    return found[0]


def _forward(outgoing: queue.SimpleQueue[pb.AttachExecutionRequest | None]) -> None:
    for data in standard_input():
        outgoing.put(pb.AttachExecutionRequest(stdin=data))


def _row(execution: pb.Execution, *, no_trunc: bool) -> tuple[str, ...]:
    return (
        execution.execution_id if no_trunc else execution.execution_id[:_SHORT_ID],
        execution.image,
        execution.language or "-",
        pb.Phase.Name(execution.phase).removeprefix("PHASE_").lower() if execution.phase else "queued",
        f"{execution.age.ToNanoseconds() / 1e9:.1f}s",
        f"{execution.cpu_time.ToNanoseconds() / 1e9:.2f}s" if execution.HasField("cpu_time") else "-",
        f"{execution.memory_bytes / 2**20:.1f}MiB" if execution.HasField("memory_bytes") else "-",
    )
