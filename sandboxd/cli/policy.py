"""``sandboxd policy``: what a program would need of one."""

from __future__ import annotations

import json
from typing import Any

import click

from sandboxd.cli.connect import connect, printable
from sandboxd.cli.run import verdict_line
from sandboxd.cli.server import Server, server_options
from sandboxd.cli.submission import program, valid
from sandboxd.v1 import execution_service_pb2 as pb


@click.group()
def policy() -> None:
    """Security policies."""


@policy.command()
@click.option("--image", metavar="NAME", default="", help="Image to run in.")
@click.option("--language", metavar="NAME", help="Language of FILE [default: by its extension].")
@click.option("--policy", "name", metavar="NAME", default="", help="Policy to try [default: the server's].")
@click.option(
    "--json", "as_json", is_flag=True, help="Print a seccomp rule in OCI's format that would allow the calls."
)
@server_options
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="FILE | -- COMMAND...")
def learn(words: tuple[str, ...], server: Server, name: str, as_json: bool, **flags: Any) -> None:
    """Run a program and print by name the calls that it makes and the policy refuses.

    The calls stay refused, so a program may end at the first that it cannot do without: learn again with that one
    allowed.
    """
    with valid():
        request = pb.ExecuteRequest(
            image=flags["image"],
            policy=name,
            report_refused_syscalls=True,
            **program(flags["language"], words),
        )
    with connect(server, embed=True) as client:
        response = client.execute(request)
    phases = [phase for phase in (response.compile, response.run) if phase.refused_syscalls]
    refused = [call for phase in phases for call in phase.refused_syscalls]
    if as_json:
        names = sorted({call.name for call in refused})
        click.echo(json.dumps({"names": names, "action": "SCMP_ACT_ALLOW"}, indent=2))
    for call in refused if not as_json else ():
        click.echo(f"{printable(call.name):<24} {call.count:>8}  {printable(call.answer)}")
    if not refused:
        click.echo("the policy refused nothing", err=True)
    if response.verdict != pb.VERDICT_OK:
        click.echo(verdict_line(response), err=True)
