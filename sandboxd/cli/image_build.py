"""``sandboxd image build``: of another image and packages, or of a Dockerfile by whoever can."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from sandboxd.cli.connect import connect, printable
from sandboxd.cli.server import Server, server_options
from sandboxd.client import SandboxClient
from sandboxd.v1 import image_service_pb2 as pb

_RECIPE, _DOCKERFILES = "recipe.toml", ("Dockerfile", "Containerfile")
_BUILT = "localhost/sandboxd-build"


@click.command()
@click.option(
    "--from",
    "base",
    metavar="IMAGE",
    default="",
    help="Image to build on, or a language [default: the server's image].",
)
@click.option(
    "--pip",
    "files",
    type=click.Path(exists=True, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Requirements: names of Python packages with versions, a line each. May be repeated.",
)
@click.option(
    "--apt",
    "packages",
    multiple=True,
    metavar="PACKAGE",
    help="A Debian package, with what it depends on. May be repeated.",
)
@click.option(
    "--tag", "-t", "name", metavar="NAME", default="", help="Its name [default: after what is in it, or DIR]."
)
@click.option("--quiet", "-q", is_flag=True, help="Print its name only.")
@server_options
@click.argument(
    "directory", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
def build(
    server: Server,
    directory: Path | None,
    base: str,
    files: tuple[str, ...],
    packages: tuple[str, ...],
    name: str,
    quiet: bool,
) -> None:
    """Make an image: of another and packages of Python or Debian, which become a layer of their own, or of what is in DIR.

    DIR has a Dockerfile, which buildah or docker buildx builds here. A recipe is built beside the server:
    python -m sandboxd.images.build DIR.
    """
    if sum((directory is not None, bool(files), bool(packages))) != 1:
        raise click.UsageError("one of --pip, --apt and DIR; an image with more of them is built on another")
    if directory is not None and base:
        raise click.UsageError("--from is for --pip and --apt: what is in DIR says what it builds on")
    request = pb.BuildImageRequest(name=name, base=base, packages=packages)
    request.requirements = "".join(map(_text, files))
    if directory is not None:
        _of_dockerfile(server, directory, name or directory.resolve().name, quiet=quiet)
        return
    with connect(server) as client:
        for event in client.images.build(request):
            if event.HasField("image"):
                click.echo(event.image.name)
            elif not quiet:
                click.echo(printable(event.progress), err=True)


def _text(file: Path | str) -> str:
    try:
        return Path(file).read_text("utf-8") + "\n"
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{file}: {error}") from error


def _of_dockerfile(server: Server, directory: Path, name: str, *, quiet: bool) -> None:
    """Have a Dockerfile built by a tool of this machine, and import what came of it."""
    if not any((directory / file).is_file() for file in _DOCKERFILES):
        hint = f": build it by python -m sandboxd.images.build {directory}" if (directory / _RECIPE).is_file() else ""
        raise click.UsageError(f"{directory} has no {_DOCKERFILES[0]}{hint}")
    with tempfile.TemporaryDirectory(prefix="sandboxd-build-") as place, connect(server) as client:
        archive = Path(place, "image.tar")
        for command in _commands(directory, archive):
            # What they say goes to standard error: on standard output is the name.
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, check=False).returncode:
                raise click.UsageError(f"{' '.join(command[:2])} failed: {directory} is not built")
        _import(client, archive, name, quiet=quiet)


def _import(client: SandboxClient, archive: Path, name: str, *, quiet: bool) -> None:
    with archive.open("rb") as file:
        response = client.images.take(name, file)
    for note in response.notes if not quiet else ():
        click.echo(printable(note), err=True)
    click.echo(response.image.name)


def _commands(directory: Path, archive: Path) -> Sequence[Sequence[str]]:
    """Return what builds a Dockerfile into an OCI archive. UsageError where nothing here can."""
    if shutil.which("buildah"):
        built = f"{_BUILT}:{secrets.token_hex(8)}"  # others may build here at the same time
        return (
            ["buildah", "build", "--tag", built, str(directory)],
            ["buildah", "push", "--quiet", built, f"oci-archive:{archive}"],
            ["buildah", "rmi", built],
        )
    if shutil.which("docker"):
        return (["docker", "buildx", "build", "--output", f"type=oci,dest={archive}", str(directory)],)
    raise click.UsageError("a Dockerfile is built by buildah or docker buildx, and neither is on PATH here")
