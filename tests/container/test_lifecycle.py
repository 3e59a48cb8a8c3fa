"""A container lives for one submission: nothing of it stays, whatever its program does, and others do not feel it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from sandboxd.model import Command, Submission, Verdict
from tests.observe import wait_for
from tests.slowness import SLOWNESS

MIB = 1 << 20
MS = 1_000_000
pytestmark = pytest.mark.usefixtures("leaves_nothing")

SHAPES = {
    "daemon": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(0); os.close(1); os.close(2)
        time.sleep(60)
    os._exit(0)
""",
    "holds stdout": "import os, time\nif os.fork() == 0: time.sleep(60)",
    "thread after main": "import threading, time, os; threading.Thread(target=time.sleep, args=(60,)).start(); os._exit(0)",
    "stops itself's child": "import os, signal\nif os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)",
    "vfork and exec": "import subprocess; subprocess.Popen(['sleep', '60'])",
    "ignores all": """
import os, signal, time
for n in signal.valid_signals() - {9, 19}: signal.signal(n, signal.SIG_IGN)
if os.fork() == 0: time.sleep(60)
""",
    "many orphans": """
import os, time
for _ in range(30):
    if os.fork() == 0:
        if os.fork() == 0: time.sleep(60)
        os._exit(0)
""",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_end_of_the_program_is_the_end_of_all(run, shape):
    """The answer does not wait for those who outlive it, and they die with it."""
    result = run.python(SHAPES[shape], wall_time_ns=20_000 * MS)

    assert Verdict.OK is result.verdict
    assert result.run.usage.wall_time_ns < 5_000 * MS * SLOWNESS


def test_input_of_the_request_comes_before_what_follows_it(host):
    """However soon that is: here in the very turn of the event loop in which the program is started."""

    async def talk():
        execution = host.service.submit(Submission(program=Command(argv=("cat",)), stdin=b"first "), interactive=True)
        while not execution._run_started.is_set():  # noqa: ASYNC110  (whoever waits for the event is too late)
            await asyncio.sleep(0)
        await execution.write_stdin(b"second")
        await execution.end_stdin()
        return await execution.result()

    assert b"first second" == host.await_(talk()).run.stdout.data


def test_writable_layer_goes_with_the_container(run):
    """Five containers that fill 50 MiB each leave none of it in memory, soon after their answers."""
    before = _shmem_bytes()
    for _ in range(5):
        run.sh("head -c 50M /dev/zero > /tmp/x", memory_bytes=128 * MIB)

    wait_for(lambda: _shmem_bytes() - before < 40 * MIB)


def _shmem_bytes():
    """Return the host's memory in tmpfs files."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Shmem:"))


def test_system_v_and_posix_ipc_end_with_it(run):
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.shmget(4711, 4096, {flags}))
"""
    created = run.python(code.format(flags=0o1600))
    found = run.python(code.format(flags=0o600))

    assert b"-1\n" != created.run.stdout.data
    assert b"-1\n" == found.run.stdout.data, "the segment of another container was found by its key"


def test_containers_do_not_see_each_other(run, host):
    """While one runs, another lists no process but its own."""
    execution = host.submit(Submission(program=Command(argv=("/bin/sleep", "20"))))

    async def started():
        async for event in execution.events(from_start=True, back_pressure=False):
            return event
        return None

    try:
        host.await_(started())
        result = run.python("import os; print([p for p in os.listdir('/proc') if p.isdigit()] == [str(os.getpid())])")
    finally:
        host.await_(execution.abandon())

    assert b"True\n" == result.run.stdout.data


def test_a_bomb_beside_does_not_change_a_verdict(run):
    """One container at each of its limits, another that must answer as ever."""
    bombs = {
        "import os\nfor _ in range(200):\n  try: os.fork()\n  except OSError: break\nwhile True: pass": {
            "cpu_time_ns": 2_000 * MS
        },
        "b = []\nwhile True: b.append(bytearray(1 << 20))": {"memory_bytes": 64 * MIB},
        "while True: print('x' * 65536)": {},
    }
    answers = []
    threads = [
        threading.Thread(target=lambda code=code, limits=limits: answers.append(run.python(code, **limits)))
        for code, limits in bombs.items()
    ]
    for thread in threads:
        thread.start()
    honest = run.python("print(sum(range(100_000)))")
    for thread in threads:
        thread.join()

    assert (Verdict.OK, b"4999950000\n") == (honest.verdict, honest.run.stdout.data)
    assert {Verdict.CPU_TIME_LIMIT, Verdict.MEMORY_LIMIT, Verdict.OUTPUT_LIMIT} == {a.verdict for a in answers}
