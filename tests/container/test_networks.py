"""Network namespaces are used again, if nothing was done to them; no program can tell such a one from a new one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from sandboxd.images.store import ImageStore
from sandboxd.model import Command, Start, Submission, Verdict
from sandboxd.runtime.policy import default_directory, load_policies
from sandboxd.runtime.pool import Bounds
from tests.container.conftest import STORE
from tests.observe import wait_for

POOL = Bounds(least=0, most=0, memory_bytes=0)  # nothing is made beside, which would take what is free
WHICH = "import os; print(os.stat('/proc/self/ns/net').st_ino)"
EVERYTHING = """
import os
for directory, _, names in sorted(os.walk("/proc/self/net")):
    for name in sorted(names):
        try: content = open(os.path.join(directory, name), "rb").read()
        except OSError as error: content = error.strerror
        if name not in GLOBAL: print(directory, name, content)
"""
# What is told there of the whole host; and the sockets of it, which a line of sockstat counts.
GLOBAL = ("protocols", "softnet_stat", "rt_cache", "arp_cache", "ndisc_cache", "nf_conntrack", "sockstat")
# What an ordinary program can do to the network, where no interface is up.
DONE = {
    "a connection": "socket.socket().connect_ex(('127.0.0.1', 9))",
    "a connection to nowhere": "socket.socket().connect_ex(('0.0.0.0', 9))",
    "a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('0.0.0.0', 9))",
    "a large datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes(60000), ('0.0.0.0', 9))",
    "a connection of IPv6": "socket.socket(socket.AF_INET6).connect_ex(('::ffff:127.0.0.1', 9))",
}
HARMLESS = {
    "a Unix socket": "s = socket.socket(socket.AF_UNIX); s.bind(chr(0) + 'x'); s.listen()",
    "a socket that listens": "s = socket.socket(); s.bind(('0.0.0.0', 8000)); s.listen()",
}


@pytest.fixture
def cold(run, host):
    """Run a program in a container that is made for it, see that it has gone, and return its output."""

    def cold(code):
        result = run.python("import socket\n" + code, warm=False)
        wait_for(lambda: not host.engine._live)
        assert (Start.COLD, Verdict.OK) == (result.run.start, result.verdict), result.run.stderr.data
        return result.run.stdout.data

    return cold


@pytest.mark.parametrize("code", ["", *HARMLESS.values()], ids=["nothing", *HARMLESS])
def test_one_that_nothing_was_done_to_is_used_again(cold, code):
    assert cold(f"{WHICH}\n{code}") == cold(WHICH)


@pytest.mark.parametrize("code", DONE.values(), ids=DONE)
def test_one_that_something_was_done_to_is_given_up(cold, code):
    assert cold(f"{WHICH}\n{code}") != cold(WHICH)


def test_sockets_that_hold_each_other_are_not_passed_on(cold):
    """The kernel collects them when it comes to that, and lists them until then."""
    cold(
        "a, b = socket.socketpair(); s = socket.socket(socket.AF_UNIX); s.bind(chr(0) + 'left'); s.listen()\n"
        "socket.send_fds(a, [b'x'], [a.fileno(), b.fileno(), s.fileno()])"
    )

    assert b"1\n" == cold("print(len(open('/proc/net/unix').readlines()))"), "more than its head"


LABEL = """
import os, socket, struct
from sandboxd.linux import process
from sandboxd.linux.empty_networks import EmptyNetworks
networks = EmptyNetworks(most_idle=1)
for change in (False, True, False):
    network = networks.take()
    print(os.fstat(network.fd).st_ino)
    if change:
        process.enter(network.fd, process.Namespace.NETWORK)
        request = struct.pack("!16sIBBHHHI", socket.inet_pton(socket.AF_INET6, "2001:db8::5"), 0x12345, 0, 1, 256, 0, 60 << 8, 0)
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).setsockopt(socket.IPPROTO_IPV6, 32, request)  # IPV6_FLOWLABEL_MGR
    networks.take_back(network)
"""


def test_a_label_that_lingers_is_seen():
    """Programs of the default policy cannot make one."""
    asked = subprocess.run([sys.executable, "-c", LABEL], capture_output=True, text=True, check=True)
    first, changed, last = asked.stdout.split()

    assert first == changed != last


MANY = """
import os
from sandboxd.linux.empty_networks import EmptyNetworks
networks, made = EmptyNetworks(most_idle=2), []
before = len(os.listdir("/proc/self/fd"))
for _ in range(5): made.append(networks.take())
for network in made: networks.take_back(network)
networks.look_at_returned()
print(len(os.listdir("/proc/self/fd")) - before)
"""


def test_few_are_kept():
    kept = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=True)

    assert "2\n" == kept.stdout


def test_it_tells_what_a_new_one_tells(cold):
    """Each file of /proc/net, but for those that tell of the host."""
    code = f"GLOBAL = {GLOBAL}\n{WHICH}\n{EVERYTHING}"
    cold(DONE["a datagram"])
    outputs = [cold(code), cold(code)]
    (first, new), (second, used) = (output.split(b"\n", 1) for output in outputs)

    assert first == second, "it was not used again"
    assert new == used
    assert b"snmp" in new


def test_where_other_sockets_can_be_made_each_has_its_own(host):
    """What they leave is told elsewhere."""
    image = ImageStore(STORE).get("default")
    plain = load_policies(default_directory())["default"]
    other = replace(plain, seccomp=replace(plain.seccomp, plain_sockets=False))

    async def network(policy):
        container = await host.engine.create(image.layers, policy, policy.defaults, audit=False, warm=False)
        try:
            return os.stat(f"/proc/{container.init_pid}/ns/net").st_ino
        finally:
            await host.engine.destroy(container)

    first, own, again = (host.await_(network(policy)) for policy in (plain, other, plain))

    assert first == again != own


def test_programs_at_the_same_time_have_different_ones(host, cold):
    """Also where one was free."""
    cold("")
    executions = [host.submit(Submission(program=Command(argv=("/bin/sleep", "20")), warm=False)) for _ in range(3)]
    try:
        containers = [wait_for(lambda execution=execution: execution._container) for execution in executions]
        networks = [os.stat(f"/proc/{container.init_pid}/ns/net").st_ino for container in containers]
    finally:
        for execution in executions:
            host.await_(execution.abandon())

    assert 3 == len(set(networks))
