"""``sandboxd run``."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

import click
from google.protobuf import json_format

from sandboxd.cli import artifacts, terminal
from sandboxd.cli.connect import connect, fail, printable
from sandboxd.cli.exit import EXIT_OURS, EXIT_SIGNAL, EXIT_TIME_LIMIT
from sandboxd.cli.left_out import left_out
from sandboxd.cli.outgoing import Outgoing
from sandboxd.cli.server import Server, server_options
from sandboxd.cli.submission import Size, Time, limits, parse_env, program, read_file, valid
from sandboxd.client import SandboxClient
from sandboxd.client.client import MAX_MESSAGE_BYTES, short_name
from sandboxd.v1 import execution_service_pb2 as pb

_SIGKILL = 9
_CHUNK_BYTES = 65536

_EXIT_HELP = """Exit status: the program's own; 128+N when signal N or a limit (9) ended it; 124 for a time limit; 125 when
sandboxd itself failed or refused the request; with --json 0 whenever there is an answer."""


@click.command(context_settings={"ignore_unknown_options": False}, epilog=_EXIT_HELP)
@click.option("--image", metavar="NAME", default="", help="Image to run in [default: the server's].")
@click.option("--language", metavar="NAME", help="Language of FILE [default: by its extension].")
@click.option("--memory", type=Size(), help="Memory of the whole container, such as 64MiB.")
@click.option("--cpu-time", type=Time(), help="CPU time of the whole process tree, such as 2s.")
@click.option("--wall-time", type=Time(), help="Elapsed time, such as 5s.")
@click.option("--cpu-shares", type=int, metavar="N", help="Weight among containers, 2 to 262144.")
@click.option("--cpus", type=float, metavar="X", help="Ceiling of CPUs, such as 0.5.")
@click.option("--processes", type=int, metavar="N", help="Processes and threads at one time.")
@click.option("--output-limit", type=Size(), help="Bytes of stdout and stderr together.")
@click.option("--disk", type=Size(), help="Bytes in all writable places.")
@click.option("--open-files", type=int, metavar="N", help="Open descriptors of a process.")
@click.option("--file-size", type=Size(), help="Bytes of one file.")
@click.option("--stack", type=Size(), help="Bytes of the stack.")
@click.option("--policy", metavar="NAME", default="", help="Security policy [default: the server's].")
@click.option("--env", "-e", multiple=True, metavar="K=V", help="Environment variable; K alone passes this one's on.")
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="HOST[:NAME]",
    help="File to put into the workspace; no source for a compiler.",
)
@click.option("--collect", multiple=True, metavar="GLOB", help="Files to bring back.")
@click.option(
    "--output-dir",
    metavar="DIR",
    default=".",
    show_default=True,
    help="Where collected files are written.",
)
@click.option("--overwrite", is_flag=True, help="Let collected files replace what is there.")
@click.option(
    "--commit", metavar="NAME", default="", help="Make an image of what is in the workspace after an end with OK."
)
@click.option("--stdin", metavar="FILE|-", help="Standard input: a file, or - for this one [default: empty].")
@click.option("--tty", "-t", is_flag=True, help="A terminal for the program, joined to this one.")
@click.option("--cold", is_flag=True, help="In a container made for this call, not in one that was ready.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, and nothing else.")
@click.option("--request-id", default="", help="A name for the answer and the server's log.")
@server_options
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="FILE [ARGS...] | -- COMMAND...")
def run(words: tuple[str, ...], server: Server, **flags: Any) -> None:
    """Run FILE, or COMMAND, in a throwaway container: on a server, or on one started for this call.

    That one takes a server's rights, is configured by SANDBOXD_CONFIG and the like, and has nothing ready beforehand.
    """
    with valid():
        request = _request(words, flags)
        if flags["collect"]:
            artifacts.check_directory(flags["output_dir"])
    with connect(server, embed=True) as client:
        if flags["as_json"]:
            request.stdin = _read_stdin(flags["stdin"])
            click.echo(json_format.MessageToJson(client.execute(request)))
            return
        status = _stream(client, request, flags)
    sys.exit(status)


def exit_status(response: pb.ExecuteResponse) -> int:
    """Return what ``run`` exits with."""
    phase = response.run if response.HasField("run") else response.compile
    if response.verdict in (pb.VERDICT_CPU_TIME_LIMIT, pb.VERDICT_WALL_TIME_LIMIT):
        return EXIT_TIME_LIMIT
    if response.verdict in (pb.VERDICT_INTERNAL_ERROR, pb.VERDICT_UNSPECIFIED):
        return EXIT_OURS
    if phase.HasField("exit_code"):
        failed = phase.exit_code or response.verdict == pb.VERDICT_OK
        return int(phase.exit_code if failed else EXIT_SIGNAL + _SIGKILL)
    return EXIT_SIGNAL + (phase.signal or _SIGKILL)


def verdict_line(response: pb.ExecuteResponse) -> str:
    """Return the line that tells any verdict but OK."""
    phase = response.run if response.HasField("run") else response.compile
    name = short_name(response.verdict, pb.Verdict)
    return f"sandboxd: {name}: {printable(phase.detail)}"


def _request(words: tuple[str, ...], flags: dict[str, Any]) -> pb.ExecuteRequest:
    request = pb.ExecuteRequest(
        request_id=flags["request_id"],
        image=flags["image"],
        policy=flags["policy"],
        files=[read_file(argument) for argument in flags["files"]],
        env=parse_env(flags["env"]),
        limits=limits(flags),
        collect=flags["collect"],
        tty=flags["tty"],
        commit_to=flags["commit"],
        **program(flags["language"], words),
    )
    if flags["cold"]:
        request.warm = False
    if flags["tty"]:
        request.window_size.CopyFrom(terminal.window_size())
    return request


def _read_stdin(argument: str | None) -> bytes:
    if argument is None:
        return b""
    if argument == "-":
        return _read_all(sys.stdin.buffer, argument)
    try:
        with open(argument, "rb") as file:
            return _read_all(file, argument)
    except OSError as error:
        fail(f"--stdin: {argument}: {error.strerror}")


def _read_all(file: BinaryIO, name: str) -> bytes:
    """Read what goes with a request. There may be no end of it, but there is of what a message takes."""
    data = file.read(MAX_MESSAGE_BYTES + 1)
    if len(data) > MAX_MESSAGE_BYTES:
        fail(
            f"--stdin: {name}: more than the {MAX_MESSAGE_BYTES} bytes of a message; - without --json takes any number"
        )
    return data


def _stream(client: SandboxClient, request: pb.ExecuteRequest, flags: dict[str, Any]) -> int:
    """Run with this process's streams on the program's."""
    outgoing: Outgoing[pb.ExecuteStreamRequest] = Outgoing()
    live = flags["stdin"] == "-" or (flags["tty"] and flags["stdin"] is None)
    if not live:
        request.stdin = _read_stdin(flags["stdin"])
    outgoing.put(pb.ExecuteStreamRequest(request=request))
    if live:
        threading.Thread(target=_forward_stdin, args=(outgoing, flags["tty"]), daemon=True).start()
    else:
        outgoing.put(pb.ExecuteStreamRequest(end_of_stdin=pb.EndOfStdin()))
    try:
        with (
            terminal.raw(lambda: outgoing.put(pb.ExecuteStreamRequest(window_size=terminal.window_size())))
            if flags["tty"]
            else contextlib.nullcontext()
        ):
            response = show(client.stream(outgoing))
    finally:
        outgoing.end()
    assert response is not None
    unsaved = artifacts.save(response.files, flags["output_dir"], overwrite=flags["overwrite"])
    for problem in unsaved:
        click.echo(f"sandboxd: not written: {printable(problem)}", err=True)
    for skipped in response.skipped_files:
        click.echo(f"sandboxd: not collected: {printable(skipped.path)}: {printable(skipped.reason)}", err=True)
    if response.verdict != pb.VERDICT_OK:
        click.echo(verdict_line(response), err=True)
    for line in left_out(response.committed.left_out):
        click.echo(f"sandboxd: {line}", err=True)
    if response.committed.error:
        click.echo(f"sandboxd: not committed: {printable(response.committed.error)}", err=True)
    return EXIT_OURS if unsaved or response.committed.error else exit_status(response)


def show(call: Iterator[Any]) -> pb.ExecuteResponse | None:
    """Write what comes to our own streams; return the answer."""
    for message in call:
        match message.WhichOneof("message"):
            case "stdout":
                _write(1, message.stdout)
            case "stderr":
                _write(2, message.stderr)
            case "response":
                return message.response  # type: ignore[no-any-return]
    return None


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        fail(f"{'stdout' if fd == 1 else 'stderr'}: {error.strerror}")


def standard_input() -> Iterator[bytes]:
    """Give what comes on our own; a closed one, or the terminal of somebody who has hung up, is at its end."""
    with contextlib.suppress(OSError):
        while data := os.read(0, _CHUNK_BYTES):
            yield data


def _forward_stdin(outgoing: Outgoing[pb.ExecuteStreamRequest], tty: bool) -> None:
    for data in standard_input():
        outgoing.put_input(pb.ExecuteStreamRequest(stdin=data))
    if not tty or not os.isatty(0):
        outgoing.put(pb.ExecuteStreamRequest(end_of_stdin=pb.EndOfStdin()))
