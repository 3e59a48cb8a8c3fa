"""A container lives for one submission: nothing of it stays, whatever its program does, and others do not feel it."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from sandboxd.errors import SetupFailed
from sandboxd.linux import seccomp
from sandboxd.model import Command, FaultDomain, LimitsRequest, Submission, Verdict
from sandboxd.runtime.container import Container
from sandboxd.runtime.wire import FromInit
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


@pytest.mark.parametrize("fails", [False, True], ids=["cancelled", "failed"])
def test_what_never_ran_has_the_time_in_which_its_container_was_made(host, monkeypatch, fails):
    """Nothing was collected: that began when it was made."""
    create = host.engine.create

    async def slowly(*args, **options):
        await asyncio.sleep(0.2)
        if fails:
            raise SetupFailed("launch", errno.EAGAIN, "none to be had")
        return await create(*args, **options)

    async def end():
        execution = host.service.submit(Submission(program=Command(argv=("true",))))
        asyncio.get_running_loop().call_later(0.1, execution.stop)
        await execution.settled()
        return execution

    monkeypatch.setattr(host.engine, "create", slowly)
    execution = host.await_(end())

    assert (fails, 0) == (execution.record().error is not None, execution.clock.ran)
    assert execution.clock.created >= 200 * MS


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


def test_a_program_of_the_servers_own_ends_with_who_asked(host):
    """A build asks an image's interpreter; the call may be cancelled meanwhile, and its place given to another."""
    submission = Submission(program=Command(argv=("/bin/sleep", "20")))
    asking = asyncio.run_coroutine_threadsafe(host.service.run(submission), host.loop)
    wait_for(lambda: [execution for execution in host.service.list() if execution.phase])
    asking.cancel()

    wait_for(lambda: not host.service.list())
    assert Verdict.OK is host.await_(host.service.run(replace(submission, program=Command(argv=("true",))))).verdict


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


DEADLY = "import ctypes; ctypes.CDLL(None).syscall(246, 0, 0, 0, 0)"  # kexec_load


def test_a_notification_that_another_has_taken_holds_up_nobody_else(run, monkeypatch):
    """As an init that was taken over may do: the kernel has the server wait for the next one then."""
    never = threading.Event()
    with monkeypatch.context() as taken:
        taken.setattr(seccomp, "receive", lambda _listener: never.wait())
        answers = []
        waits = threading.Thread(
            target=lambda: answers.append(run.python(DEADLY, wall_time_ns=2_000 * MS * SLOWNESS).verdict)
        )
        waits.start()
        others = [run.python("print(1)").verdict for _ in range(3)]
        waits.join()
    never.set()

    assert [Verdict.OK] * 3 == others
    assert [Verdict.WALL_TIME_LIMIT] == answers


def test_refused_calls_that_cannot_be_heard_of_are_the_platforms_fault(run, monkeypatch):
    def fails(_listener):
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))

    monkeypatch.setattr(seccomp, "receive", fails)
    result = run.python(DEADLY)

    assert (Verdict.INTERNAL_ERROR, FaultDomain.PLATFORM) == (result.verdict, result.fault_domain)
    assert "refused system calls cannot be heard of" in result.run.detail


FLOOD = """
import array, socket, time
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 253))]
try:
    for _ in range(20):
        ours.sendmsg([b"x"], rights)
except OSError as error:
    print(error.strerror)
time.sleep(0.2)
"""


def test_descriptors_on_their_way_do_not_keep_init_from_its_reports(run):
    """The kernel counts them for the program's user, who is init's, and compares with who sends: unix(7), ETOOMANYREFS."""
    result = run.python(FLOOD, open_files=16)

    assert (Verdict.OK, b"Too many references: cannot splice\n") == (result.verdict, result.run.stdout.data)


@pytest.mark.parametrize("tty", [False, True])
def test_the_fewest_open_files_that_may_be_asked_for_are_enough(host, tty):
    submission = Submission(program=Command(argv=("/bin/true",)), limits=LimitsRequest(open_files=8), tty=tty)

    assert Verdict.OK is host.execute(submission).verdict


@pytest.mark.parametrize(
    ("script", "told"), [("true", [FromInit.EMPTY]), ("sleep 60 &", [FromInit.EXITED, FromInit.EMPTY])]
)
def test_the_end_is_told_before_what_is_left_has_ended_and_else_once(run, monkeypatch, script, told):
    heard, handle = [], Container._handle
    monkeypatch.setattr(
        Container, "_handle", lambda self, message, fds: (heard.append(message.kind), handle(self, message, fds))
    )
    result = run.sh(script)

    assert Verdict.OK == result.verdict
    assert told == [kind for kind in heard if kind in (FromInit.EXITED, FromInit.EMPTY)]
