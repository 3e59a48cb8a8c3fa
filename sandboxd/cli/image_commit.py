"""``sandboxd image commit`` and ``diff``: what a running execution has changed, as an image or as a list."""

from __future__ import annotations

import click
from google.protobuf import json_format

from sandboxd.cli.connect import connect, printable
from sandboxd.cli.executions import resolve
from sandboxd.cli.left_out import left_out
from sandboxd.cli.server import Server, server_options
from sandboxd.cli.table import print_table
from sandboxd.client.client import short_name
from sandboxd.v1 import image_service_pb2 as pb

_COLUMNS = ("CHANGE", "TYPE", "SIZE", "PATH")


@click.command()
@click.option("--message", "-m", default="", metavar="TEXT", help="What is said of it in the image's history.")
@click.option("--author", "-a", default="", metavar="NAME", help="Who made it, for the history.")
@server_options
@click.argument("execution")
@click.argument("name")
def commit(server: Server, execution: str, name: str, message: str, author: str) -> None:
    """Make an image of what is in the workspace of a running EXECUTION, and print its name.

    It has the layers of the image that the execution runs in, and one more. The execution's policy must permit it. For a program that ends
    by itself, see sandboxd run --commit.
    """
    with connect(server) as client:
        execution_id = resolve(client, execution).execution_id
        image = client.images.commit(execution_id, name, message=message, author=author)
    for line in left_out(image.commits[-1].left_out if image.commits else {}):
        click.echo(line, err=True)
    click.echo(image.name)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@server_options
@click.argument("execution")
def diff(server: Server, execution: str, as_json: bool) -> None:
    """List what a running EXECUTION has made, changed and removed in its workspace."""
    with connect(server) as client:
        response = client.images.diff(resolve(client, execution).execution_id)
    if as_json:
        click.echo(json_format.MessageToJson(response))
        return
    print_table(_COLUMNS, [_row(change) for change in response.changes])
    if response.truncated:
        click.echo("sandboxd: there are more", err=True)


def _row(change: pb.Change) -> tuple[str, ...]:
    kind = short_name(change.type, pb.FileType).lower() if change.type else "other"
    size = str(change.size_bytes) if change.type == pb.FILE_TYPE_REGULAR else "-"
    return (short_name(change.kind, pb.ChangeKind).lower(), kind, size, printable(change.path))
