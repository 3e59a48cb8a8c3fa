"""``--tty`` and ``attach`` from a real terminal: keys, sizes, and the terminal as it was in the end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from tests.cli.conftest import SANDBOXD, TIMEOUT_S, environment
from tests.observe import wait_for

READY = "echo ready; "


class Terminal:
    """A terminal with ``sandboxd`` on it, as a shell would have it: its foreground process and session leader."""

    def __init__(self, arguments, server, rows=30, columns=100):
        self.master, self.slave = pty.openpty()
        self.unread = b""
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *SANDBOXD, *arguments],
            env=environment(server),
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
        )

    def resize(self, rows, columns):
        """Give it another size; the kernel sends SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        """Press keys."""
        os.write(self.master, keys)

    def until(self, text):
        """Wait for a text; returns what the screen has shown since the last one, up to its end."""
        end = time.monotonic() + TIMEOUT_S
        while text not in self.unread:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} did not come, but {self.unread!r}"
            self.unread += os.read(self.master, 4096)
        before, _, self.unread = self.unread.partition(text)
        return before + text

    def wait(self):
        """Wait for its end; returns the exit status."""
        return self.process.wait(TIMEOUT_S)

    def is_as_before(self):
        """Whether its modes are what they were: echo, lines, signals."""
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        """End what is on it."""
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(server, client):
    """Open a terminal with a command of sandboxd on it."""
    with contextlib.ExitStack() as stack:

        def terminal(*arguments, **size):
            terminal = Terminal(arguments, server.address, **size)
            stack.callback(terminal.close)
            return terminal

        yield terminal
    wait_for(lambda: not client.list())


def shell(command):
    """Return the arguments that run a shell command on a terminal."""
    return ("run", "--tty", "--wall-time", "25s", "--", "sh", "-c", command)


def test_the_program_has_a_terminal_of_this_ones_size(terminal):
    screen = terminal(*shell("test -t 0 && test -t 1 && test -t 2 && stty size"), rows=33, columns=111)

    assert b"33 111\r\n" == screen.until(b"\n")
    assert 0 == screen.wait()


def test_a_new_size_reaches_the_program(terminal):
    """It is told with SIGWINCH, as on any terminal."""
    screen = terminal(*shell("trap 'stty size; exit' WINCH; " + READY + "while :; do sleep 0.01; done"))
    screen.until(b"ready")
    screen.resize(44, 122)

    screen.until(b"44 122\r\n")
    assert 0 == screen.wait()


def test_keys_go_through_one_by_one_and_echo_once(terminal):
    """Raw here, so that the program's terminal alone echoes and decides what a line is."""
    screen = terminal(*shell(READY + "read x; echo got $x"))
    screen.until(b"ready\r\n")
    screen.type(b"abX\x7fc\r")

    assert b"abX\x08 \x08c\r\ngot abc\r\n" == screen.until(b"got abc\r\n")
    assert 0 == screen.wait()


@pytest.mark.parametrize(
    ("key", "number"), [(b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)], ids=["Ctrl-C", "Ctrl-backslash"]
)
def test_a_key_that_signals_is_the_programs(terminal, key, number):
    screen = terminal(*shell(READY + "exec sleep 20"))
    screen.until(b"ready")
    screen.type(key)

    screen.until(f"SIGNALED: the program was ended by {number.name}\r\n".encode())
    assert 128 + number == screen.wait()
    assert screen.is_as_before()


def test_a_program_may_live_on_after_ctrl_c(terminal):
    screen = terminal(*shell("trap 'echo caught' INT; " + READY + "read x; read y; echo got $y"))
    screen.until(b"ready")
    screen.type(b"\x03")
    screen.until(b"caught")
    screen.type(b"more\r")

    screen.until(b"got more\r\n")
    assert 0 == screen.wait()


def test_ctrl_d_ends_the_input(terminal):
    screen = terminal(*shell(READY + "cat; echo done"))
    screen.until(b"ready")
    screen.type(b"\x04")

    screen.until(b"done\r\n")
    assert 0 == screen.wait()


def test_the_verdict_is_on_a_line_of_its_own(terminal):
    """The terminal is itself again when it is told."""
    screen = terminal(*shell("echo x; exit 4"))

    assert b"x\r\nsandboxd: NONZERO_EXIT: the program exited with status 4\r\n" == screen.until(b"status 4\r\n")
    assert 4 == screen.wait()


@pytest.mark.parametrize(
    "command", ["exit 0", "exit 1", "stty -echo raw; exit 0", "kill -KILL $$", "while :; do :; done"]
)
def test_the_terminal_is_as_it_was(terminal, command):
    """Echo among the rest, however the program ends and whatever it does to its own."""
    screen = terminal("run", "--tty", "--cpu-time", "0.2s", "--", "sh", "-c", command)
    screen.wait()

    assert screen.is_as_before()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_terminal_is_as_it_was_after_a_signal(terminal, number):
    """To us, not to the program: which ends too."""
    screen = terminal(*shell(READY + "exec sleep 20"))
    screen.until(b"ready")
    assert not screen.is_as_before()
    screen.process.send_signal(number)

    assert 128 + number == screen.wait()
    assert screen.is_as_before()


def test_the_terminal_is_as_it_was_when_there_is_no_answer(terminal):
    screen = terminal("run", "--tty", "--image", "no-such", "--", "true")

    screen.until(b"no image is named 'no-such'; there are: ")
    screen.until(b"\r\n")
    assert 125 == screen.wait()
    assert screen.is_as_before()


def test_a_tty_without_a_terminal(sandboxd):
    """A pipe is typed into it: the program has a terminal all the same, of the usual size."""
    result = sandboxd("run", "--tty", "--", "sh", "-c", "stty size; read x; echo got $x", input=b"typed\n")

    assert (0, b"") == (result.returncode, result.stderr)
    assert [b"24 80", b"got typed"] == [line for line in result.stdout.splitlines() if line != b"typed"]


def test_attach_from_a_terminal(terminal, start, client):
    """What is typed there is the program's input."""
    process = start("run", "--stdin", "-", "--wall-time", "25s", "--", "sh", "-c", "read x; echo got $x; exit 6")
    (execution,) = wait_for(lambda: [e.execution_id for e in client.list() if e.phase])
    screen = terminal("attach", execution)
    screen.type(b"it\n")

    assert b"it\r\ngot it\r\n" == screen.until(b"got it\r\n")
    assert [6, 6] == [screen.wait(), process.wait(TIMEOUT_S)]
