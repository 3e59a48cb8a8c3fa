"""``sandboxd``: its commands, each loaded when it is called, so that help costs nothing."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any, NoReturn

import click

from sandboxd.cli.exit import EXIT_OURS, EXIT_SIGNAL

_COMMANDS = {
    "attach": ("executions", "Join a running execution."),
    "bench": ("bench", "Measure, beside the same programs bare and in other sandboxes."),
    "doctor": ("host", "Say what this host offers and what is missing."),
    "image": ("image", "List, pull, build, commit, push and remove images."),
    "logs": ("executions", "Show what an execution has written."),
    "policy": ("policy", "Learn what a program needs of a policy."),
    "ps": ("executions", "List what runs now."),
    "run": ("run", "Run a file or a command in a throwaway container."),
    "serve": ("host", "Start the server."),
    "stop": ("executions", "End executions."),
}


class _Lazy(click.Group):
    """A group whose commands are modules."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command. What is wrong with its flags is sandboxd's own refusal: 2 could be a program's status."""
        _keep_standard_streams()
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            sys.exit(EXIT_OURS)
        except click.Abort:
            sys.exit(EXIT_SIGNAL + signal.SIGINT)
        except OSError as error:  # commands tell all others themselves
            click.echo(f"sandboxd: stdout: {error.strerror}", err=True)
            sys.exit(EXIT_OURS)
        finally:
            _forget_unwritten()
        sys.exit(status)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name them."""
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        # gRPC's own lines would come between those of a program or of a log; what it has to say is in its errors too.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        module = importlib.import_module(f"sandboxd.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write their lines without loading them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(_COMMANDS.items())])


def _keep_standard_streams() -> None:
    """Put something in the place of a closed stdin, stdout or stderr: the next file or socket would get its number.

    Writing there fails, as it would have; without a stdout Python would take every answer and drop it.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest free number
            if fd == 1:
                sys.stdout = os.fdopen(fd, "w")


def _forget_unwritten() -> None:
    """Let go of output that cannot be written: Python would try once more when it ends, and exit with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sandboxd")
def main() -> None:
    """Run untrusted code, each submission in a throwaway container."""
