"""``--help`` of every command names every flag, and says so with status 0."""

from __future__ import annotations

import re
from importlib import metadata

import click
import pytest

from sandboxd.cli.main import main
from tests.cli.conftest import call


def commands(group=main, path=()):
    """Walk through the commands: the words that call each, and the command."""
    yield path, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            yield from commands(group.get_command(context, name), (*path, name))


COMMANDS = dict(commands())
RUN_FLAGS = """
    --image --language --memory --cpu-time --wall-time --cpu-shares --cpus --processes --output-limit --disk --open-files
    --policy --env --file --collect --commit --stdin --tty --json --server
"""


def test_the_commands_that_are_promised():
    promised = {"bench", "run", "ps", "stop", "logs", "attach", "doctor", "serve", "policy", "policy learn"}
    promised |= {"image", "image ls", "image inspect", "image tag", "image rm", "image build"}
    promised |= {
        f"image {verb}"
        for verb in ("pull", "push", "import", "save", "export", "history", "prune", "languages", "commit", "diff")
    }

    assert promised == {" ".join(path) for path in COMMANDS} - {""}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_names_every_flag(path):
    """Each on a line of its own, with a sentence."""
    result = call(*path, "--help")
    shown = result.stdout.decode()

    assert (0, b"") == (result.returncode, result.stderr)
    assert shown.startswith(f"Usage: python -m sandboxd {' '.join(path)}".rstrip())
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help
            for name in (*parameter.opts, *parameter.secondary_opts):
                assert re.search(rf"^  (-\w, )?{name}\b|^  {name},", shown, re.MULTILINE), name


def test_run_has_every_flag_that_is_promised():
    shown = call("run", "-h").stdout.decode().split()

    assert [] == [flag for flag in RUN_FLAGS.split() if flag not in {word.rstrip(",") for word in shown}]


def test_help_of_the_whole_names_every_command():
    shown = call("--help").stdout.decode()

    assert [] == [
        path for path in COMMANDS if len(path) == 1 and not re.search(rf"^  {path[0]} +\w", shown, re.MULTILINE)
    ]


def test_without_a_command_there_is_help():
    result = call()

    assert (125, b"") == (result.returncode, result.stdout)
    assert b"Usage: python -m sandboxd [OPTIONS] COMMAND [ARGS]...\n" in result.stderr


def test_version():
    result = call("--version")

    assert (0, f"python -m sandboxd, version {metadata.version('sandboxd')}\n".encode()) == (
        result.returncode,
        result.stdout,
    )
