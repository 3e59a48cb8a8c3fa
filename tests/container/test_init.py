"""The program in C that makes scripts, by itself: what it does with a script, with an order, and with messages that are none."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxd.linux import calls
from sandboxd.linux.process import Namespace
from sandboxd.linux.script import MOST_DESCRIPTORS, Script
from sandboxd.runtime import wire
from sandboxd.runtime.wire import FromInit, InitMessage
from sandboxd.runtime.zygote import PROGRAM, Zygote, ZygoteGone
from tests import performing
from tests.observe import wait_for

HEAD = struct.Struct("<5I")
SECONDS = 10
NO_NAMESPACE = Namespace(0)


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    made = Zygote(str(PROGRAM))
    yield made
    made._socket.close()
    os.waitpid(made.pid, 0)


def clone(zygote: Zygote, namespaces: Namespace = NO_NAMESPACE, **options: Any) -> tuple[int, int, socket.socket]:
    """Have a process cloned; returns its id, a pidfd, and where it waits."""
    ordered = zygote.order(namespaces, **options)
    ordered.arrive()
    return ordered.pid, ordered.pidfd, ordered.socket


class Writing:
    """A script that writes to a pipe what it is told to, and what came of it where that is done."""

    def __init__(self) -> None:
        self.script = Script(HEAD.size)
        self.control, self.output = self.script.descriptor(), self.script.descriptor()
        self.script.step("the_step")

    def say(self, word: str) -> None:
        self.script.call("write", self.output, word, len(word))

    def message(self) -> bytes:
        return self.script.finish(HEAD.pack(self.control.offset, 0, 0, self.output.offset, 0))

    def in_c(self, zygote: Zygote) -> tuple[InitMessage, bytes]:
        """Have it made by a clone; returns what that says, and what was written."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reading, writing = os.pipe()
        pid, pidfd, sync = clone(zygote)
        with ours, sync, open(reading, "rb") as output:
            with theirs:
                wire.send(sync, self.message(), [theirs.fileno(), writing])
            os.close(writing)
            message, fds = wire.receive(ours, wire.INIT_MESSAGE_BYTES)
            for fd in fds:
                os.close(fd)
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(pidfd)
            return InitMessage.decode(message), output.read()

    def ends_as_another(self, zygote: Zygote) -> tuple[bytes, int]:
        """Have it made by a clone, which becomes another program; returns what that writes, and its wait status."""
        reading, writing = os.pipe()
        pid, pidfd, sync = clone(zygote)
        with sync, open(reading, "rb") as output:
            wire.send(sync, self.message(), [writing, writing])
            os.close(writing)
            said = output.read()
        os.close(pidfd)
        return said, os.waitpid(pid, 0)[1]

    def in_python(self) -> bytes:
        """Have it made by this process."""
        reading, writing = os.pipe()
        with open(reading, "rb") as output:
            try:
                performing.run(self.message(), descriptors=(-1, writing))
            finally:
                os.close(writing)
            return output.read()


def succeed(writing: Writing) -> None:
    writing.script.call("chdir", "/", skip=1)
    writing.say("left out")
    writing.say("last")


def fail_as_expected(writing: Writing) -> None:
    for path, word in (("/nowhere", "ENOENT "), ("/dev/null", "ENOTDIR "), ("/", "")):
        writing.script.call("chdir", path, skip=2, expected={errno.ENOENT: 0, errno.ENOTDIR: 1})
        writing.say("ENOENT ")
        writing.say(f"then {word}")


def use_results(writing: Writing) -> None:
    fd = writing.script.cell()
    writing.script.call("fcntl", writing.output, 0, result=fd)  # F_DUPFD
    writing.script.call("write", fd, "by the copy", 11)
    writing.script.call("close", fd)


def pass_arrays(writing: Writing) -> None:
    """As execve(2) takes them; the program writes to the pipe by its name below /proc."""
    calls.take_descriptor(writing.script, writing.output, 1)
    calls.execute(writing.script, ["/bin/sh", "-c", 'echo "$0 $A"', "argument"], {"A": "variable"})


@pytest.mark.parametrize(
    ("script", "said"),
    [(succeed, b"last"), (fail_as_expected, b"ENOENT then ENOENT then ENOTDIR "), (use_results, b"by the copy")],
)
def test_a_script_is_what_it_says_in_c_and_in_python(zygote, script, said):
    in_c, in_python = Writing(), Writing()
    for writing in (in_c, in_python):
        script(writing)

    message, output = in_c.in_c(zygote)
    assert (FromInit.READY, said, said) == (message.kind, output, in_python.in_python())


def test_a_script_may_end_with_another_program(zygote):
    writing = Writing()
    pass_arrays(writing)

    assert (b"argument variable\n", 0) == writing.ends_as_another(zygote)


def test_a_failure_names_the_step_and_what_it_was_about(zygote):
    writing = Writing()
    writing.say("before")
    writing.script.call("chdir", "/nowhere", about="/nowhere")
    writing.say("after")

    message, output = writing.in_c(zygote)
    assert (FromInit.FAILED, errno.ENOENT, b"the_step\0/nowhere") == (message.kind, message.a, message.text)
    assert b"before" == output


@pytest.mark.parametrize(("step", "about"), [("x" * 5000, ""), ("step", "y" * 5000), ("x" * 5000, "y" * 5000)])
def test_a_failure_of_many_words_is_cut(zygote, step, about):
    writing = Writing()
    writing.script.step(step)
    writing.script.call("chdir", "/nowhere", about=about)

    message, _ = writing.in_c(zygote)
    told_step, _, told_about = message.text.partition(b"\0")
    assert FromInit.FAILED is message.kind
    assert step.startswith(told_step.decode())
    assert about.startswith(told_about.decode())
    assert len(message.text) <= 256


def test_an_error_that_is_not_expected_is_a_failure(zygote):
    writing = Writing()
    writing.script.call("chdir", "/nowhere", expected={errno.ENOTDIR: 0, errno.EPERM: 0})

    assert FromInit.FAILED is writing.in_c(zygote)[0].kind


def test_a_limit_above_the_hard_one_is_that_one(zygote):
    before = resource.getrlimit(resource.RLIMIT_MSGQUEUE)
    hard = before[1] if before[1] != resource.RLIM_INFINITY else 1 << 40
    for value, wanted in ((hard + 1, hard), (1000, 1000)):
        writing = Writing()
        calls.limit(writing.script, resource.RLIMIT_MSGQUEUE, hard)
        calls.limit(writing.script, resource.RLIMIT_MSGQUEUE, value)
        calls.take_descriptor(writing.script, writing.output, 1)
        calls.execute(writing.script, ["/bin/sh", "-c", "grep msgqueue /proc/self/limits"], {"PATH": "/usr/bin:/bin"})
        words = writing.ends_as_another(zygote)[0].split()

        assert [str(wanted).encode()] * 2 == words[3:5]


def test_a_clone_has_nothing_open_but_its_socket(zygote):
    kept, pid, pidfd = os.pipe(), 0, -1
    pid, pidfd, sync = clone(zygote)
    with sync:
        # Its last call before it waits is the one that closes.
        names = wait_for_one(pid)
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitpid(pid, 0)
    for fd in (*kept, pidfd):
        os.close(fd)

    assert ["0"] == names


def wait_for_one(pid: int) -> list[str]:
    """Return the descriptors of a process when they are few, or at last."""
    names = os.listdir(f"/proc/{pid}/fd")
    for _ in range(1000):
        names = os.listdir(f"/proc/{pid}/fd")
        if len(names) <= 1:
            break
        os.sched_yield()
    return names


def test_a_clone_whose_script_does_not_come_ends(zygote):
    pid, pidfd, sync = clone(zygote)
    sync.close()

    assert [(pidfd, select.POLLIN)] == polled(pidfd)
    os.waitpid(pid, 0)
    os.close(pidfd)


def test_a_clone_that_is_abandoned_ends_whatever_it_has_become(zygote):
    """An image's own code would not end by itself, and the launcher waits for nobody else meanwhile."""
    writing = Writing()
    calls.execute(writing.script, ["/bin/sleep", "600"], {})
    ordered = zygote.order(NO_NAMESPACE)
    with contextlib.closing(ordered), open(os.devnull, "wb") as nowhere:
        ordered.arrive()
        wire.send(ordered.socket, writing.message(), [nowhere.fileno(), nowhere.fileno()])
        name = Path(f"/proc/{ordered.pid}/comm")
        wait_for(lambda: name.read_text() == "sleep\n")
        ordered.abandon()

        with pytest.raises(ChildProcessError):
            os.waitpid(ordered.pid, 0)


def polled(fd: int) -> list[tuple[int, int]]:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return poll.poll(SECONDS * 1000)


def test_a_clone_is_the_child_of_who_has_the_zygote(zygote):
    pid, pidfd, sync = clone(zygote)
    with sync:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.waitpid(pid, 0)
    os.close(pidfd)

    assert os.getpid() == parent


@pytest.mark.parametrize("owner", [0, 70000])
def test_namespaces_are_the_owners_and_the_zygote_is_root_again(zygote, owner):
    ns_get_owner_uid = 0xB704
    pid, pidfd, sync = clone(zygote, Namespace.USER, owner=owner)
    fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    with sync:
        found = struct.unpack("I", ioctl(fd, ns_get_owner_uid))[0]
    os.waitpid(pid, 0)
    for opened in (fd, pidfd):
        os.close(opened)
    status = Path(f"/proc/{zygote.pid}/status").read_text()

    assert owner == found
    assert "Uid:\t0\t0\t0\t0\n" in status


def ioctl(fd: int, request: int) -> bytes:
    import fcntl

    return fcntl.ioctl(fd, request, bytes(4))


def test_a_clone_that_is_refused_is_told_and_the_zygote_serves_on(zygote):
    with pytest.raises(OSError, match="clone3: "):
        clone(zygote, Namespace.USER, cgroup_fd=0)  # no cgroup
    pid, pidfd, sync = clone(zygote)
    sync.close()
    os.waitpid(pid, 0)
    os.close(pidfd)


@pytest.mark.parametrize(
    ("order", "descriptors"),
    [(b"x", 1), (bytes(16), 0), (bytes(16), 3), (bytes(16), MOST_DESCRIPTORS + 1), (bytes(100), 1)],
)
def test_what_is_no_order_is_refused_and_nothing_stays_open(zygote, order, descriptors):
    before = len(os.listdir(f"/proc/{zygote.pid}/fd"))
    zygote.send(order, [0] * descriptors)

    assert zygote.receive()[0] < 0
    assert before == len(os.listdir(f"/proc/{zygote.pid}/fd"))


def test_a_zygote_that_is_gone_is_an_error_of_its_own(zygote):
    os.kill(zygote.pid, signal.SIGKILL)
    with pytest.raises(ZygoteGone):
        clone(zygote)


def test_what_is_no_zygote_is_told_at_once():
    with pytest.raises(ChildProcessError, match="does not run"):
        Zygote("/bin/true")


def test_a_script_takes_so_many_descriptors_and_no_more():
    script = Script()
    cells = [script.descriptor() for _ in range(MOST_DESCRIPTORS)]

    assert MOST_DESCRIPTORS == len({cell.offset for cell in cells})
    with pytest.raises(OSError, match="Too many open files"):
        script.descriptor()


def test_a_text_with_a_nul_is_no_text():
    with pytest.raises(ValueError, match="null"):
        Script().text("a\0b")


REFUSED = """
import os, socket, struct, sys
from sandboxd.linux import calls
from sandboxd.linux.process import Namespace
from sandboxd.runtime.zygote import PROGRAM, Zygote
from tests.performing import perform

CLOSE_RANGE, ALLOW, ERRNO = 436, 0x7FFF0000, 0x00050000 | 1
bpf = [(0x20, 0, 0, 0), (0x15, 0, 1, CLOSE_RANGE), (0x06, 0, 0, ERRNO), (0x06, 0, 0, ALLOW)]
perform(lambda script: calls.filter_system_calls(script, b"".join(struct.pack("=HBBI", *one) for one in bpf), None))
clone = Zygote(str(PROGRAM)).order(Namespace(0))
clone.arrive()
print(clone.socket.recv(1), os.waitpid(clone.pid, 0)[1])
"""


def test_a_clone_that_cannot_close_what_is_not_its_own_ends():
    """As under a filter of a container engine's that does not know the call."""
    asked = subprocess.run([sys.executable, "-c", REFUSED], capture_output=True, text=True, check=True)

    assert f"b'' {1 << 8}\n" == asked.stdout


def test_nothing_of_the_zygotes_goes_on_over_an_exec(zygote):
    flags = Path(f"/proc/{zygote.pid}/fdinfo/3").read_text().split("flags:")[1].split()[0]

    assert int(flags, 8) & os.O_CLOEXEC
