"""Landlock, in a process of its own that gives up its rights: no privileges are needed for that."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from sandboxd.linux import landlock

RESTRICTED = """
import os, socket, sys
from sandboxd.linux import calls, landlock
from sandboxd.linux.landlock import Access
from tests.performing import perform

directory, abi, listening, other = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
read = Access.EXECUTE | Access.READ_FILE | Access.READ_DIR
perform(calls.forbid_new_privileges)
change = Access.WRITE_FILE | Access.MAKE_REG | Access.TRUNCATE
domain = landlock.domain(abi, [("/", read), (directory + "/in", change)])
perform(lambda script: calls.restrict_access(script, domain))

def attempt(what, call, *args):
    try:
        call(*args)
    except OSError as error:
        print(what, error.strerror)
    else:
        print(what, "done")

attempt("make inside", open, directory + "/in/new", "w")
attempt("make outside", open, directory + "/out/new", "w")
attempt("change outside", open, directory + "/out/file", "r+")
attempt("read outside", open, directory + "/out/file")
attempt("shorten outside", os.truncate, directory + "/out/file", 0)
attempt("connect", socket.socket(socket.AF_UNIX).connect, "\\0" + listening)
attempt("signal", os.kill, other, 0)
"""


@pytest.fixture
def restricted(tmp_path):
    """Run the program above under an ABI, beside an abstract socket and a process of somebody else's."""
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "out" / "file").write_text("content")
    name = f"landlock-{os.getpid()}"

    def run(abi):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"\0{name}")
            listener.listen()
            words = [sys.executable, "-c", RESTRICTED, str(tmp_path), str(abi), name, str(os.getpid())]
            output = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout
        return [line.rsplit(" ", 1)[0] if line.endswith("done") else line for line in output.splitlines()]

    return run


DENIED = "Permission denied"
FILES = ["make inside", f"make outside {DENIED}", f"change outside {DENIED}", "read outside"]


def test_only_what_a_rule_allows(restricted):
    abi = landlock.abi_version()
    told = restricted(abi)

    assert abi >= 2, "this kernel has no Landlock, or an old one"
    assert FILES == told[:4]
    assert (f"shorten outside {DENIED}" if abi >= 3 else "shorten outside") == told[4]


def test_sockets_and_signals_stay_inside(restricted):
    """Where the kernel knows scopes; what an older one does not know is not asked of it."""
    refused = ["connect Operation not permitted", "signal Operation not permitted"]

    assert (refused if landlock.abi_version() >= 6 else ["connect", "signal"]) == restricted(landlock.abi_version())[5:]


def test_an_old_abi_is_asked_for_what_it_knows(restricted):
    """As on the kernel of Debian 12, whose ABI is 2: neither truncation nor scopes."""
    assert [*FILES, "shorten outside", "connect", "signal"] == restricted(2)
