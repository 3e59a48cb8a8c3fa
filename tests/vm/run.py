"""``make test-cgroup2``: the container tests on cgroup v2 alone, in a virtual machine with Debian's own kernel.

virtme-ng boots that kernel over this machine's file system, which it can only read. QEMU emulates, so that no KVM is
needed, and a program takes about ten times as long. Arguments are pytest's; --failed-again among them has it run once more
what has failed, in the same machine.

Left out are tests/unit, tests/api, tests/cli and the jumps of the clock: nothing in them depends on the version of cgroups,
and each jump would take minutes. And building images, for there is no network.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[2]
GUEST = REPOSITORY / "tests/vm/guest.sh"
BUILD = REPOSITORY / "build"
VIRTME = Path(sys.prefix, "bin/virtme-run")
KERNEL = Path(sys.prefix, "kernel")
"""Debian's kernel and its modules. The Makefile unpacks the package: installed, it would change how this machine boots."""
TESTS = ("tests/container", "tests/faults", "tests/hostile", "tests/rootless", "tests/vm")
LEFT_OUT = ("tests/faults/test_clock.py", "tests/rootless/test_images.py")
AGAIN = "--failed-again"
ENVIRONMENT = {
    "CI": "true",  # a skipped test is a failed one: tests/conftest.py
    "TEST_SLOWNESS": "20",  # tests/slowness.py
}
# A machine hangs that has said nothing for so long: after its start, which takes half a minute, and while tests run, of which
# each says when it is over.
SILENT_START_S = 5 * 60
SILENCE_S = 15 * 60
LAST_WORDS = 50
"""Lines of the console that are shown of one that is lost."""
# The kernel would not believe that the processors' clocks agree, as they do here, and ask a slow timer for every time.
OPTIONS = ("mitigations=off", "tsc=reliable", "loglevel=6")
# QEMU's command line is virtme-ng's own but for what follows it. A processor without what takes an emulated one long: copies
# byte by byte (erms), and page tables of five levels.
CPU = ("-cpu", "max,erms=off,la57=off")
# Each of virtme-ng's ports is a device of its own, with room for thirty more, whose queues QEMU's main loop polls.
PORTS = ("-global", "virtio-serial-device.max_ports=2")
# The share that guest.sh mounts as its root.
SHARE = (
    *("-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"),
    *("-device", "virtio-9p-pci,fsdev=host,mount_tag=host"),
)
_PACKAGES = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "depmod": "kmod", "file": "file"}
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
_NO_STATUS = 255  # of virtme-run, when the guest has not said how its command ended


class Missing(Exception):
    """Something is not installed; the message says how it is."""


class Lost(Exception):
    """The machine hangs, or has ended without a status of the tests; the message has the last words of kernel and QEMU."""


def find_kernel() -> Path:
    """Return the kernel's image. Missing when it, or what boots it, is not there."""
    packages = [package for program, package in _PACKAGES.items() if shutil.which(program, path=_PATH) is None]
    if packages:
        raise Missing(f"apt-get install --no-install-recommends {' '.join(packages)}")
    if not VIRTME.exists():
        raise Missing(f"{sys.executable} -m pip install --editable '.[vm]'")
    images = sorted(KERNEL.glob("boot/vmlinuz-*"))
    if not images:
        raise Missing(f"rm {KERNEL.with_name('.vm')} && make test-cgroup2, which unpacks Debian's kernel")
    return images[-1]


def inside(arguments: list[str]) -> list[str]:
    """Return the words that follow guest.sh's name, with which it runs pytest."""
    again, arguments = AGAIN in arguments, [word for word in arguments if word != AGAIN]
    ignored = [f"--ignore={path}" for path in LEFT_OUT]
    pytest = [sys.executable, "-m", "pytest", "--override-ini", f"testpaths={' '.join(TESTS)}", *ignored, *arguments]
    if again:
        failed = ("--last-failed", "--last-failed-no-failures", "none")
        pytest = ["sh", "-c", f"{shlex.join(pytest)} || {shlex.join([*pytest, *failed])}"]
    ours = {name: value for name, value in os.environ.items() if name.startswith("SANDBOXD_")}
    variables = [f"{name}={value}" for name, value in (ours | ENVIRONMENT).items()]
    return [str(KERNEL), str(REPOSITORY), "env", *variables, *pytest]


def boot_command(image: Path, words: Path) -> list[str]:
    """Return what boots the machine, has guest.sh do what the words in a file say, and ends with its status.

    A file, for virtme-ng passes a script on in the kernel's command line, and a kernel that is told more than 2,047 characters
    panics before it can say why (COMMAND_LINE_SIZE, arch/x86/include/asm/setup.h).
    """
    machine = ["--disable-kvm", "--force-9p", "--cpus", "2", "--memory", "3G"]
    kernel = ["--kimg", str(image), "--mods", "auto", *(word for option in OPTIONS for word in ("--kopt", option))]
    script = ["--show-boot-console", "--script-sh", shlex.join([str(GUEST), str(words)])]
    return [str(VIRTME), *kernel, *machine, *script, "--qemu-opts", *CPU, *PORTS, *SHARE]


def run(command: list[str]) -> int:
    """Run the machine, pass on what it prints as it comes, and return its status. Lost when there is none."""
    with (
        tempfile.TemporaryDirectory(prefix="sandboxd-vm-") as scratch,
        Path(scratch, "console").open("w+", errors="replace") as console,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # QEMU opens it anew by its name in /proc, and would empty a file
            stderr=console,
            env={**os.environ, "PATH": _PATH, "TMPDIR": scratch},
            start_new_session=True,  # so that QEMU, a child of virtme-run, dies with it
        ) as machine,
    ):
        try:
            assert machine.stdout is not None
            heard, ended = _pass_on(machine.stdout)
            status = machine.wait() if ended else _NO_STATUS
        finally:
            if machine.poll() is None:
                os.killpg(machine.pid, signal.SIGKILL)
        if heard and status in range(_NO_STATUS):
            return status
        console.seek(0)
        what = "has ended without a status of the tests" if ended else "hangs"
        raise Lost(f"{what}; its console:\n{''.join(console.readlines()[-LAST_WORDS:])}")


def _pass_on(output: IO[bytes]) -> tuple[bool, bool]:
    """Print what comes; return whether something did, and whether that was all, or nothing came any more."""
    heard = False
    while select.select([output], [], [], SILENCE_S if heard else SILENT_START_S)[0]:
        words = output.read1()
        if not words:
            return heard, True
        sys.stdout.buffer.write(words)
        sys.stdout.flush()
        heard = True
    return heard, False


def main() -> int:
    """Return pytest's status, 2 when something is missing, 1 when the machine hangs or ended without a status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and not leave the machine running
    try:
        image = find_kernel()
        BUILD.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile("w", prefix="vm-", dir=BUILD) as words:
            words.write(shlex.join(inside(sys.argv[1:])))
            words.flush()
            return run(boot_command(image, Path(words.name)))
    except Missing as error:
        print(f"test-cgroup2: something is missing: {error}", file=sys.stderr)
        return 2
    except Lost as lost:
        print(f"test-cgroup2: the machine {lost}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
