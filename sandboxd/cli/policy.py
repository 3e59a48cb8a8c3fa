"""``sandboxd policy``: what a program would need of one."""

from __future__ import annotations

import json
from collections import Counter
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
@click.option("--policy", "policy_name", metavar="NAME", default="", help="Policy to try [default: the server's].")
@click.option(
    "--json", "as_json", is_flag=True, help="Print a seccomp rule in OCI's format that would allow the calls."
)
@server_options
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="FILE [ARGS...] | -- COMMAND...")
def learn(words: tuple[str, ...], server: Server, policy_name: str, as_json: bool, **flags: Any) -> None:
    """Run a program and print by name the calls that it makes and the policy refuses.

    The calls stay refused, so a program may end at the first that it cannot do without: learn again with that one
    allowed.
    """
    with valid():
        request = pb.ExecuteRequest(
            image=flags["image"],
            policy=policy_name,
            report_refused_syscalls=True,
            **program(flags["language"], words),
        )
    with connect(server, embed=True) as client:
        response = client.execute(request)
    refused: Counter[tuple[str, str]] = Counter()
    for phase in (response.compile, response.run):
        for call in phase.refused_syscalls:
            refused[call.name, call.answer] += call.count
    if as_json:
        names = sorted({name for name, _ in refused})
        click.echo(json.dumps({"names": names, "action": "SCMP_ACT_ALLOW"}, indent=2))
    for (name, answer), count in sorted(refused.items()) if not as_json else ():
        click.echo(f"{printable(name):<24} {count:>8}  {printable(answer)}")
    if not refused:
        click.echo("the policy refused nothing", err=True)
    if response.verdict != pb.VERDICT_OK:
        click.echo(verdict_line(response), err=True)
