"""Execute of /bin/true over gRPC, beside bubblewrap's run of it from the same image, turn by turn in one run.

A figure of one machine means little; the ratio of two in the same run is what is asserted. ``make bench`` prints both.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from pathlib import Path

from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb
from tests.figures import quantiles
from tests.server import serving

STORE = Path(os.environ.get("SANDBOXD_STATE_DIR", "/var/lib/sandboxd")) / "images"
TURNS = 400
WARM_UP = 40
MOST_OF_BUBBLEWRAP = 1.5
TRUE = pb.ExecuteRequest(command=pb.Command(argv=["/bin/true"]))


@contextlib.contextmanager
def mounted_image():
    """Mount the default image where bubblewrap can bind it."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["mount", "-t", "erofs", "-o", "ro", STORE / "default" / "root.erofs", directory], check=True)
        try:
            yield directory
        finally:
            subprocess.run(["umount", directory], check=True)


def timed_ms(function):
    """Return how long a call takes, in milliseconds."""
    began = time.perf_counter_ns()
    function()
    return (time.perf_counter_ns() - began) / 1e6


def spawn(*argv):
    """Run a command to its end, as cheaply as a client can."""
    _, status = os.waitpid(os.posix_spawn(argv[0], argv, {"PATH": "/usr/bin:/bin"}), 0)
    assert status == 0, f"{argv[0]} ended with {status}"


def show(name, samples, against):
    """Print a line of the table."""
    (p50, p99), (base, _) = quantiles(samples), quantiles(against)
    print(f"{name:<34} {p50:8.2f} {p99:8.2f} {p50 / base:8.2f}")


def test_execute_is_near_bubblewrap():
    """At most 1.5 of its median, with a cgroup, a seccomp filter, limits, usage and gRPC, of which it has none."""
    with mounted_image() as root, serving() as server, SandboxClient(server.address) as client:
        bubblewrap = ["/usr/bin/bwrap", "--ro-bind", root, "/", "--unshare-all", "--die-with-parent"]
        bubblewrap += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/true"]
        work = {
            "bare posix_spawn": lambda: spawn("/bin/true"),
            "bubblewrap": lambda: spawn(*bubblewrap),
            "sandboxd, Execute over gRPC": lambda: client.execute(TRUE),
        }
        samples = {name: [] for name in work}
        for turn in range(WARM_UP + TURNS):
            for name, function in work.items():
                taken = timed_ms(function)
                if turn >= WARM_UP:
                    samples[name].append(taken)
    print(f"\n{'/bin/true, milliseconds':<34} {'p50':>8} {'p99':>8} {'of bwrap':>8}")
    for name, taken in samples.items():
        show(name, taken, samples["bubblewrap"])
    ratio = quantiles(samples["sandboxd, Execute over gRPC"])[0] / quantiles(samples["bubblewrap"])[0]

    assert ratio <= MOST_OF_BUBBLEWRAP, f"Execute takes {ratio:.2f} of bubblewrap's median"
