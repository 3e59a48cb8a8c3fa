"""``sandboxd image``: what can be run in, by the words of container tools."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

import click
import grpc
from google.protobuf import json_format

from sandboxd.cli.connect import connect, describe, printable
from sandboxd.cli.exit import EXIT_OURS
from sandboxd.cli.image_build import build
from sandboxd.cli.image_commit import commit, diff
from sandboxd.cli.progress import Progress
from sandboxd.cli.server import Server, server_options
from sandboxd.cli.table import print_table
from sandboxd.v1 import image_service_pb2 as pb

_SHORT_DIGEST = len("sha256:") + 12
_COLUMNS = ("IMAGE", "DIGEST", "SIZE", "CREATED", "LANGUAGES")


@click.group()
def image() -> None:
    """Images: what containers start from."""


image.add_command(build)
image.add_command(commit)
image.add_command(diff)


@image.command()
@click.option("--language", metavar="NAME", default="", help="Only images that have this language.")
@click.option("--quiet", "-q", is_flag=True, help="Show names only.")
@click.option("--no-trunc", is_flag=True, help="Show whole digests.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@server_options
def ls(server: Server, language: str, quiet: bool, no_trunc: bool, as_json: bool) -> None:
    """List images, by name, with their languages."""
    with connect(server) as client:
        images = client.images.list(language)
    if as_json:
        click.echo(json_format.MessageToJson(pb.ListImagesResponse(images=images)))
    elif quiet:
        for found in images:
            click.echo(found.name)
    else:
        print_table(_COLUMNS, [_row(found, no_trunc=no_trunc) for found in images])


@image.command()
@server_options
def languages(server: Server) -> None:
    """List languages, with their versions and the images that have them."""
    with connect(server) as client:
        images = client.images.list(with_versions=True)
    rows = [
        (
            language.name,
            printable(language.version) or "-",
            found.name,
            language.source,
            " ".join(language.aliases) or "-",
        )
        for found in images
        for language in found.languages
    ]
    print_table(("LANGUAGE", "VERSION", "IMAGE", "SOURCE", "ALIASES"), sorted(rows))


@image.command()
@server_options
@click.argument("name")
def inspect(server: Server, name: str) -> None:
    """Print all that is known of an image, as JSON."""
    with connect(server) as client:
        click.echo(json_format.MessageToJson(client.images.get(name)))


@image.command()
@server_options
@click.argument("name")
def history(server: Server, name: str) -> None:
    """Show how an image was made, the last step first: what was committed here, and, of one from elsewhere, by its own account."""
    with connect(server) as client:
        found = client.images.get(name)
    rows = [_of_commit(commit) for commit in reversed(found.commits)]
    rows += [
        (step.created or "-", printable(step.created_by) or "-", printable(step.comment) or "-")
        for step in reversed(found.origin.history)
    ]
    print_table(("CREATED", "CREATED BY", "COMMENT"), rows)


def _of_commit(commit: pb.Commit) -> tuple[str, ...]:
    created = datetime.fromtimestamp(commit.create_time.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    by = f"commit of {commit.execution_id} in {commit.image} by policy {commit.policy}"
    author = f" ({commit.author})" if commit.author else ""
    return created, printable(by), printable(f"{commit.message}{author}") or "-"


def _auth_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags of who asks a registry, and what they say as ``auth``."""

    @click.option("--username", metavar="NAME", help="User of the registry [default: what the server's own file has].")
    @click.option("--password-stdin", is_flag=True, help="Read the user's password from standard input.")
    @functools.wraps(command)
    def with_auth(*args: Any, username: str | None, password_stdin: bool, **options: Any) -> Any:
        if bool(username) != password_stdin:
            raise click.UsageError("--username and --password-stdin go together")
        auth = pb.RegistryAuth(username=username, password=sys.stdin.readline().rstrip("\n")) if username else None
        return command(*args, auth=auth, **options)

    return with_auth


@image.command()
@click.option("--name", metavar="NAME", default="", help="Its name here [default: the last part of the reference's].")
@click.option("--quiet", "-q", is_flag=True, help="Print its name only.")
@_auth_options
@server_options
@click.argument("reference")
def pull(server: Server, reference: str, name: str, quiet: bool, auth: pb.RegistryAuth | None) -> None:
    """Bring an image from a registry: [REGISTRY/]NAME[:TAG][@sha256:DIGEST]."""
    with connect(server) as client, _progress(quiet) as progress:
        for event in client.images.pull(reference, name, auth=auth):
            if event.HasField("image"):
                progress.close()
                click.echo(event.image.name)
            else:
                _show(event, progress)


@image.command()
@click.option("--quiet", "-q", is_flag=True, help="Print the digest only.")
@_auth_options
@server_options
@click.argument("name")
@click.argument("reference")
def push(server: Server, name: str, reference: str, quiet: bool, auth: pb.RegistryAuth | None) -> None:
    """Put an image into a registry, and print the digest that it has there."""
    with connect(server) as client, _progress(quiet) as progress:
        for event in client.images.push(name, reference, auth=auth):
            if event.WhichOneof("event") == "manifest_digest":
                progress.close()
                click.echo(event.manifest_digest)
            else:
                _show(event, progress)


@image.command("import")
@click.option(
    "--image", "wanted", metavar="IMAGE", default="", help="Which, by its name in FILE, where it has several."
)
@server_options
@click.argument("file", type=click.File("rb"))
@click.argument("name")
def import_(server: Server, file: BinaryIO, name: str, wanted: str) -> None:
    """Take an image out of FILE (- for standard input): an OCI layout or what docker save writes, as a tar archive, or a root as one."""
    with connect(server) as client:
        response = client.images.take(name, file, wanted=wanted)
    for note in response.notes:
        click.echo(printable(note), err=True)
    click.echo(response.image.name)


_TO_FILE = click.option(
    "--output", "-o", type=click.File("wb"), default="-", metavar="FILE", help="Where to [default: standard output]."
)


@image.command()
@_TO_FILE
@server_options
@click.argument("name")
def save(server: Server, output: BinaryIO, name: str) -> None:
    """Write an image as a tar archive: an OCI layout, which docker load takes, too."""
    _write(server, output, name, as_root=False)


@image.command()
@_TO_FILE
@server_options
@click.argument("name")
def export(server: Server, output: BinaryIO, name: str) -> None:
    """Write an image's root file system as a tar archive."""
    _write(server, output, name, as_root=True)


def _write(server: Server, output: BinaryIO, name: str, *, as_root: bool) -> None:
    if output.isatty():
        raise click.UsageError("an archive is nothing for a terminal: name a file with -o")
    with connect(server) as client:
        output.writelines(client.images.save(name, as_root=as_root))
        output.flush()


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    progress = Progress(quiet=quiet)
    try:
        yield progress
    finally:
        progress.close()


def _show(event: pb.PullImageResponse | pb.PushImageResponse, progress: Progress) -> None:
    if event.HasField("transfer"):
        progress.update(event.transfer)
    else:
        progress.say(printable(event.progress))


@image.command()
@server_options
@click.argument("name")
@click.argument("new_name")
def tag(server: Server, name: str, new_name: str) -> None:
    """Give an image one more name: NAME or NAME:TAG."""
    with connect(server) as client:
        client.images.tag(name, new_name)


@image.command()
@server_options
def prune(server: Server) -> None:
    """Remove what no image needs and nothing that runs, and say how much that was."""
    with connect(server) as client:
        click.echo(f"{client.images.prune() / 2**20:.1f}MiB")


@image.command()
@server_options
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def rm(server: Server, names: tuple[str, ...]) -> None:
    """Take names away; an image goes with its last. One that is not there does not save the others."""
    missed = False
    with connect(server) as client:
        for name in names:
            try:
                client.images.remove(name)
            except grpc.RpcError as error:
                missed = True
                click.echo(f"sandboxd: {printable(describe(error))}", err=True)
            else:
                click.echo(name)
    sys.exit(EXIT_OURS if missed else 0)


def _row(image: pb.Image, *, no_trunc: bool) -> tuple[str, ...]:
    return (
        image.name + (" (default)" if image.is_default else ""),
        image.digest if no_trunc else image.digest[:_SHORT_DIGEST],
        f"{image.size_bytes / 2**20:.0f}MiB",
        datetime.fromtimestamp(image.create_time.seconds, UTC).strftime("%Y-%m-%d %H:%M"),
        " ".join(language.name for language in image.languages) or "-",
    )
