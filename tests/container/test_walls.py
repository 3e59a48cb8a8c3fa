"""What a program finds when it reaches for the host: each wall by the errno that the kernel answers.

A probe with a bad pointer would be EFAULT behind a hole, so that the errno tells which wall stood; the last test of
each group is the control, which shows that the probe can see a hole.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from sandboxd.images.store import ImageStore
from sandboxd.linux import calls, process
from sandboxd.linux.procfs import children
from sandboxd.linux.script import Script
from sandboxd.model import Command, File, Submission, Verdict
from sandboxd.runtime import wire
from sandboxd.runtime.policy import default_directory, load_policies
from sandboxd.runtime.wire import FromInit
from sandboxd.runtime.zygote import PROGRAM, Zygote
from tests.container.conftest import STORE
from tests.observe import wait_for

PROBE = """
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) == -1:
        raise OSError(ctypes.get_errno(), "")
try:
    {attempt}
    print("DONE")
except OSError as error:
    print(errno.errorcode.get(error.errno, error.errno))
"""
NAMESPACES = ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")
_BAD = 1  # an address that no process has mapped


def probe(run, attempt, **options):
    """Run an attempt; returns DONE or the name of the errno."""
    result = run.python(PROBE.format(attempt=attempt), **options)
    assert result.verdict is Verdict.OK, (result.verdict, result.run.stderr.data)
    return result.run.stdout.data.decode().strip()


# System calls.


@pytest.mark.parametrize(
    ("attempt", "stopped_by"),
    [
        (f"call(165, {_BAD}, {_BAD}, {_BAD}, 0, 0)  # mount", "EPERM"),
        (f"call(166, {_BAD}, 0)  # umount2", "EPERM"),
        (f"call(161, {_BAD})  # chroot", "EPERM"),
        ("call(272, 0x10000000)  # unshare CLONE_NEWUSER", "EPERM"),
        ("call(308, 3, 0)  # setns", "EPERM"),
        ("call(101, 16, 1, 0, 0)  # ptrace PTRACE_ATTACH", "EPERM"),
        (f"call(310, 1, {_BAD}, 1, {_BAD}, 1, 0)  # process_vm_readv", "EPERM"),
        ("call(438, 3, 0, 0)  # pidfd_getfd", "EPERM"),
        (f"call(303, -100, {_BAD}, {_BAD}, {_BAD}, 0)  # name_to_handle_at", "EPERM"),
        (f"call(321, 0, {_BAD}, 120)  # bpf", "EPERM"),
        (f"call(298, {_BAD}, 0, -1, -1, 0)  # perf_event_open", "EPERM"),
        ("call(323, 1)  # userfaultfd", "EPERM"),
        (f"call(248, {_BAD}, {_BAD}, 0, 0, -1)  # add_key", "EPERM"),
        ("call(250, 0, -3, 1)  # keyctl", "EPERM"),
        (f"call(170, {_BAD}, 1)  # sethostname", "EPERM"),
        (f"call(227, 0, {_BAD})  # clock_settime", "EPERM"),
        ("call(103, 10, 0, 0)  # syslog", "EPERM"),
        ("call(300, 0, 0)  # fanotify_init", "EPERM"),
        (f"call(430, {_BAD}, 0)  # fsopen", "EPERM"),
        (f"call(428, -100, {_BAD}, 0)  # open_tree", "EPERM"),
        ("call(56, 0x10000000 | 17, 0, 0, 0, 0)  # clone CLONE_NEWUSER", "EPERM"),
        ("call(56, 0x40000000 | 17, 0, 0, 0, 0)  # clone CLONE_NEWNET", "EPERM"),
        (f"call(435, {_BAD}, 88)  # clone3", "ENOSYS"),
        (f"call(425, 8, {_BAD})  # io_uring_setup", "ENOSYS"),
        ("call(600)  # no call of this kernel", "ENOSYS"),
        ("call(1023)  # nor of any other", "ENOSYS"),
        ("call(135, 0x0008)  # personality ADDR_COMPAT_LAYOUT", "EPERM"),
        ("call(157, 22, 0)  # prctl PR_SET_SECCOMP off", "EINVAL"),
        (f"call(21, {_BAD}, 0)  # access: the control", "EFAULT"),
    ],
)
def test_system_call_is_refused(run, attempt, stopped_by):
    assert stopped_by == probe(run, attempt)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("pivot_root", 155),
        ("reboot", 169),
        ("init_module", 175),
        ("delete_module", 176),
        ("kexec_load", 246),
        ("open_by_handle_at", 304),
        ("finit_module", 313),
        ("swapon", 167),
        ("acct", 163),
        ("iopl", 172),
    ],
)
def test_what_no_honest_program_calls_ends_it_by_name(run, name, number):
    result = run.python(PROBE.format(attempt=f"call({number}, {_BAD}, {_BAD}, 0)"))

    assert (Verdict.SECURITY_VIOLATION, name) == (result.verdict, result.run.blocked_syscall)
    assert b"" == result.run.stdout.data


def test_x32_call_dies(run):
    """The numbers of x32 are those of x86-64 with bit 30: a filter that forgets them lets everything pass."""
    result = run.python(PROBE.format(attempt="call(0x40000000 + 39)  # getpid"))

    assert b"" == result.run.stdout.data
    assert result.verdict in (Verdict.SECURITY_VIOLATION, Verdict.SIGNALED), result


def test_i386_call_dies(run):
    """int 0x80 enters the kernel by the 32-bit table from 64-bit code."""
    code = r"""
#include <stdio.h>
int main(void) {
    long answer;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20L) : "memory");
    printf("%ld\n", answer);
    return 0;
}
"""
    result = run.c(code)

    assert b"" == result.run.stdout.data
    assert result.verdict in (Verdict.SECURITY_VIOLATION, Verdict.SIGNALED), result


@pytest.mark.parametrize(
    ("family", "stopped_by"),
    [
        (16, "EAFNOSUPPORT"),  # netlink
        (17, "EAFNOSUPPORT"),  # packet
        (38, "EAFNOSUPPORT"),  # AF_ALG
        (40, "EAFNOSUPPORT"),  # vsock
        (44, "EAFNOSUPPORT"),  # XDP
        (31, "EAFNOSUPPORT"),  # Bluetooth
        (9, "EAFNOSUPPORT"),  # X.25
        (1, "DONE"),  # Unix, the control
    ],
)
def test_socket_family(run, family, stopped_by):
    assert stopped_by == probe(run, f"call(41, {family}, 1 if {family} in (1,) else 3, 0)")


# Network.


@pytest.mark.parametrize(
    ("attempt", "stopped_by"),
    [
        ("socket.create_connection(('1.1.1.1', 53), 2)", "ENETUNREACH"),
        ("socket.create_connection(('127.0.0.1', 22), 2)", "ENETUNREACH"),
        ("socket.create_connection(('169.254.169.254', 80), 2)", "ENETUNREACH"),
        ("socket.create_connection(('2606:4700:4700::1111', 53), 2)", "EADDRNOTAVAIL ENETUNREACH"),
        ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('1.1.1.1', 53))", "ENETUNREACH"),
        ("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "EPERM"),
        ("pair = socket.socketpair(); pair[0].send(b'x')", "DONE"),
    ],
)
def test_network(run, attempt, stopped_by):
    assert probe(run, attempt) in stopped_by.split()


def test_the_only_interface_is_a_loopback_that_is_down(run):
    result = run.sh("tail -n +3 /proc/net/dev | cut -d: -f1; wc -l < /proc/net/route")

    assert ["lo", "0"] == result.run.stdout.data.decode().split(), "one interface and no route"


ASK_NETLINK = """
import sys
from pyroute2 import IPRoute, netns
netns.setns(sys.argv[1])
with IPRoute() as ip:
    print([(link.get_attr("IFLA_IFNAME"), link["state"]) for link in ip.get_links()])
    print(len(list(ip.get_addr())), len([route for route in ip.get_routes() if not route.get_attr("RTA_OIF") == 1]))
"""


def test_netlink_knows_of_no_way_out(host):
    """Asked from outside, of a container that lives: one interface, down, without an address, and no route elsewhere."""
    execution = host.submit(Submission(program=Command(argv=("/bin/sleep", "20"))))
    try:
        pid = wait_for(lambda: execution._container and execution._container.cgroup.pids())[0]
        asking = [sys.executable, "-c", ASK_NETLINK, f"/proc/{pid}/ns/net"]
        answer = subprocess.run(asking, capture_output=True, text=True, check=True).stdout
    finally:
        host.await_(execution.abandon())

    assert "[('lo', 'down')]\n0 0\n" == answer


def test_abstract_sockets_of_the_host_are_out_of_reach(run):
    """They live in the network namespace."""
    import socket

    name = f"\0sandboxd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(name)
        listener.listen()
        attempt = f"socket.socket(socket.AF_UNIX).connect({name!r})"

        assert "ECONNREFUSED" == probe(run, attempt)


# Namespaces and identity.


def test_control_groups_begin_at_the_containers_own(run):
    """Neither the place of the server's nor the container's name in it shows."""
    result = run.sh("cut -d: -f3 /proc/self/cgroup | sort -u")

    assert b"/\n" == result.run.stdout.data


@pytest.mark.parametrize("kind", NAMESPACES)
def test_namespace_is_the_containers_own(run, kind):
    """Neither the host's nor another container's."""
    first, second = (run.python(f"import os; print(os.readlink('/proc/self/ns/{kind}'))") for _ in range(2))
    inside = first.run.stdout.data.decode().strip()

    assert inside.startswith(f"{kind}:[")
    assert os.readlink(f"/proc/self/ns/{kind}") != inside
    assert (kind, first.run.stdout.data) != (kind, b""), "nothing was printed"
    assert second.verdict is Verdict.OK


def test_two_live_containers_share_no_namespace_and_no_ids(run, host):
    """Each has its own range of ids on the host, so that no kernel quota by user is shared."""
    script = "readlink /proc/self/ns/*; cat /proc/self/uid_map /proc/self/gid_map; echo ready; sleep 20"
    submission = Submission(program=Command(argv=("/bin/sh", "-c", script)))
    executions = [host.submit(submission) for _ in range(2)]

    async def heard(execution):
        text = b""
        async for event in execution.events(from_start=True, back_pressure=False):
            text += getattr(event, "data", b"")
            if b"ready\n" in text:
                return text.decode().splitlines()
        return []

    try:
        first, second = (host.await_(heard(execution)) for execution in executions)
    finally:
        for execution in executions:
            host.await_(execution.abandon())

    for kind in NAMESPACES:
        assert [line for line in first if line.startswith(f"{kind}:")], first
    shared = set(first) & set(second) - {"ready"}
    assert all(line.startswith("time:") for line in shared), f"two containers share {shared}"


def test_identity_in_the_container(run):
    result = run.sh("id -u; id -g; id -G; uname -n; umask; pwd")

    assert ["1000", "1000", "1000", "sandbox", "0022", "/workspace"] == result.run.stdout.data.decode().split()


def test_ids_are_nobodys_on_the_host(run):
    result = run.sh("cat /proc/self/uid_map")
    inside, outside, count = map(int, result.run.stdout.data.split())

    assert (0, 65536) == (inside, count)
    assert outside >= 0x70000000, "above every id that a host gives out"


def test_no_capability_in_any_set_and_no_way_to_one(run):
    result = run.sh("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status")
    status = dict(line.split(":\t") for line in result.run.stdout.data.decode().splitlines())

    assert {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} == {name for name in status if name.startswith("Cap")}
    assert {"0000000000000000"} == {value for name, value in status.items() if name.startswith("Cap")}
    assert ("1", "2") == (status["NoNewPrivs"], status["Seccomp"])


def test_root_is_no_longer_special_and_cannot_be_made_so(run):
    """All securebits but KEEP_CAPS, and all locked: linux/securebits.h. Their reading is prctl's 27."""
    result = run.python("import ctypes; print(bin(ctypes.CDLL(None).prctl(27)))")

    assert b"0b11101111\n" == result.run.stdout.data


@pytest.mark.parametrize("number", [0, 1, 65534])
def test_becoming_another_user_is_refused(run, number):
    assert "EPERM" == probe(run, f"os.setuid({number})")


# Init, the other processes, and what is inherited.


def test_init_cannot_be_seen(run):
    result = run.python(
        """
import errno, os
print(sorted(name for name in os.listdir('/proc') if name.isdigit()) == [str(os.getpid())])
print(os.getpid() != 1)
for path in ("mem", "environ", "root", "fd", "exe", "maps"):
    try:
        open(f"/proc/1/{path}").read(1)
        print("OPEN", path)
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
    )

    assert ["True", "True", *["ENOENT"] * 6] == result.run.stdout.data.decode().split()


def test_init_ignores_every_signal_of_the_program(run):
    """The kernel drops what process 1 has no handler for: kill(2) succeeds and does nothing (pid_namespaces(7))."""
    result = run.python(
        "import os, time\nfor n in range(1, 65): os.kill(1, n)\ntime.sleep(0.1); print('alive')", warm=False
    )

    assert (Verdict.OK, b"alive\n") == (result.verdict, result.run.stdout.data)


@pytest.mark.parametrize("limit", ["CPU", "NOFILE", "FSIZE", "STACK"])
def test_limits_of_init_cannot_be_set(run, limit):
    """RLIMIT_CPU of 0 would make the kernel kill even process 1, and the run our failure."""
    code = f"import resource; resource.prlimit(1, resource.RLIMIT_{limit}, (0, 0))"
    result = run.python(code)

    assert (Verdict.NONZERO_EXIT, 1) == (result.verdict, result.run.exit_code)
    assert b"PermissionError" in result.run.stderr.data


def descriptors(pid):
    """Return what a process has open, without numbers of sockets."""
    names = [path.readlink() for path in Path(f"/proc/{pid}/fd").iterdir()]
    return sorted(re.sub(r"^/proc/[0-9]+/", "/PID/", str(name).partition("[")[0]) for name in names)


def test_launcher_and_zygote_know_nothing_of_the_servers_environment(host):
    launcher = host.engine.launcher_pid
    for pid in (launcher, *children(launcher)[:1]):
        assert b"" == Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.usefixtures("setuid_programs_are_dumpable")
@pytest.mark.parametrize("owner", [0, 65534])
def test_nobody_who_has_the_launchers_tree_is_dumpable(owner):
    """Init is cloned while the zygote acts as its owner, who enters all that belongs to a dumpable process of a user namespace of his.

    What is below /proc/PID belongs to the process's user while it is dumpable, and else to root (proc(5)).
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    script = Script(20)
    control, listener = script.descriptor(), script.descriptor()
    calls.become(script, 65534, 65534)
    message = script.finish(struct.pack("<5I", control.offset, 0, 0, listener.offset, 0))
    zygote = Zygote(str(PROGRAM))
    clone = zygote.order(process.Namespace.MOUNT, owner=owner)
    clone.arrive()
    environment = Path(f"/proc/{clone.pid}/environ")
    with ours, clone.socket as sync:
        asleep = environment.stat().st_uid
        with theirs:
            wire.send(sync, message, [theirs.fileno(), clone.pidfd])
        ready = wire.receive(ours, wire.INIT_MESSAGE_BYTES)[0]
        changed = environment.stat().st_uid
    os.waitpid(clone.pid, 0)
    clone.close()
    os.kill(zygote.pid, signal.SIGKILL)
    os.waitpid(zygote.pid, 0)

    assert (0, FromInit.READY, 0) == (asleep, wire.InitMessage.decode(ready).kind, changed)


@pytest.mark.usefixtures("setuid_programs_are_dumpable")
def test_init_that_waits_is_not_dumpable(host):
    """In the pool, for minutes."""
    image, policy = ImageStore(STORE).get("default"), load_policies(default_directory())["default"]

    async def owner():
        container = await host.engine.create(image.layers, policy, policy.defaults, audit=False, warm=False)
        try:
            return os.stat(f"/proc/{container.init_pid}/environ").st_uid
        finally:
            await host.engine.destroy(container)

    assert 0 == host.await_(owner()), "files of an undumpable process belong to root"


@pytest.mark.parametrize("tty", [False, True])
@pytest.mark.parametrize("files", [(), (File(path="f", content=b"x"),)], ids=["no files", "a file"])
def test_init_is_stripped_too(host, files, tty, setuid_programs_are_dumpable):
    """A program that takes init over gains nothing: the host sees its capabilities, filter and dumpability.

    It changes users to write the request's files, which does not make it dumpable; and it keeps nothing of the request.
    """
    execution = host.submit(Submission(program=Command(argv=("/bin/sleep", "20")), files=files, tty=tty))

    async def started():
        async for event in execution.events(from_start=True, back_pressure=False):
            return event
        return None

    try:
        host.await_(started())
        init = execution._container.init_pid
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{init}/status").read_text().splitlines())
        owner = Path(f"/proc/{init}/environ").stat().st_uid
        own = ["/PID/io", "socket:"]  # its number is the one for the launcher, whose pid namespace is not ours
        wait_for(
            lambda: own == descriptors(init)
        )  # it says that the program was released, and then lets go of its streams
        wait_for(lambda: "memfd" not in Path(f"/proc/{init}/maps").read_text())
    finally:
        host.await_(execution.abandon())

    assert {"0000000000000000"} == {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert ("1", "2") == (status["NoNewPrivs"], status["Seccomp"])
    assert 0x70000000 + 1000 <= int(status["Uid"].split()[0])
    assert 0 == owner, "files of an undumpable process belong to root"


def test_landlock_stands_behind_permissions(run):
    """A process can be in 16 domains (landlock(7)): one of them is there already, so that the program can add 15."""
    code = """
import ctypes, os, struct
syscall = ctypes.CDLL(None).syscall
ruleset = syscall(444, struct.pack("Q", 1), 8, 0)
print(sum(syscall(446, ruleset, 0) == 0 for _ in range(20)))
"""
    assert b"15\n" == run.python(code).run.stdout.data


def test_program_inherits_three_descriptors(run):
    """The listing itself holds the fourth."""
    result = run.python("import os; print(*sorted(os.listdir('/proc/self/fd'), key=int))")

    assert b"0 1 2 3\n" == result.run.stdout.data


def test_environment_is_clean(run):
    result = run.command("/usr/bin/env")
    names = {line.partition("=")[0] for line in result.run.stdout.data.decode().splitlines()}

    assert {"PATH", "HOME", "LANG"} <= names
    assert not names & set(os.environ) - {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "SHELL", "PWD"}


def test_signals_are_at_their_defaults(run):
    result = run.sh("grep -E '^Sig(Blk|Ign)' /proc/self/status")

    masks = {int(line.split()[1], 16) for line in result.run.stdout.data.decode().splitlines()}
    assert {0} == masks


def test_program_leads_a_session_of_its_own(run):
    result = run.python("import os; print(os.getsid(0) == os.getpid() == os.getpgid(0))")

    assert b"True\n" == result.run.stdout.data
