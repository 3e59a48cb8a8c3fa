"""Templates: their forks are programs like any other, and their own code, which is an image's, can do no more than a program."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from sandboxd.errors import SetupFailed
from sandboxd.linux import landlock
from sandboxd.model import SECOND_NS, File, Source, Start, Submission, Verdict
from sandboxd.runtime import engine as engine_module
from sandboxd.runtime import templates
from sandboxd.runtime.hooks import read_hook
from tests.container.conftest import Host, Runner
from tests.observe import alive, children, wait_for

TEMPLATES = templates.MOST
HELLO = "print('hello')"
HOOK = read_hook("cpython")
ENOUGH = 4  # one more than a template is started for
SCOPED_SIGNALS = 6  # the first of Landlock's ABIs that has them


@pytest.fixture
def template(host, run):
    """Have the template of Python programs, and return it."""

    def found():
        run.python(HELLO)
        return next(iter(host.engine.templates), None)

    return wait_for(found)


def source(host):
    """Return what the template is made of."""
    return next(iter(host.engine.templates._ready))


def refused(host):
    """Start one more template, which must fail; returns in which words."""

    async def start():
        return await host.engine._start_template(source(host))

    with pytest.raises(SetupFailed) as failed:
        host.await_(start())
    return str(failed.value)


def status(pid):
    """Return what /proc/PID/status says."""
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


@pytest.mark.usefixtures("template")
def test_programs_are_forked_from_it(run):
    result = run.python(HELLO)

    assert (Start.TEMPLATE, Verdict.OK, b"hello\n") == (result.run.start, result.verdict, result.run.stdout.data)


def kinds(host):
    """Return what there are templates of, or will be."""
    return {*host.engine.templates._ready, *host.engine.templates._starting}


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize(
    "options",
    [
        {"warm": False},
        {"env": {"PYTHONOPTIMIZE": "1"}},
        {"tty": True},
        {"stack_bytes": 1 << 20},
        {"report_refused_syscalls": True},
    ],
    ids=str,
)
def test_what_it_was_not_made_for_is_execed(host, run, options):
    """However often it is asked for. What a request has in its environment no template may have: an interpreter would run it, without limits."""
    before = kinds(host)
    for _ in range(ENOUGH):
        result = run.python(HELLO, **options)

        assert Start.TEMPLATE is not result.run.start
        assert Verdict.OK is result.verdict
    assert before == kinds(host)


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize(("length", "more"), [(3000, 1), (5000, 0), (100_000, 0)])
def test_there_are_templates_for_arguments_as_far_as_they_are_short(host, length, more):
    """What is remembered of programs that have none yet is bounded, and so is a message to the launcher."""
    before = kinds(host)
    source = Source(
        language="python", files=(File(path="", content=b"import sys; print(len(sys.argv[1]))"),), args=("x" * length,)
    )
    for _ in range(ENOUGH):
        result = host.execute(Submission(program=source))
        assert (Verdict.OK, b"%d\n" % length) == (result.verdict, result.run.stdout.data)

    assert more == len(kinds(host) - before)


@pytest.mark.usefixtures("template")
def test_each_program_has_a_process_of_its_own(run):
    """Nothing that one leaves in its memory, its files or its modules is there for the next."""
    code = "import builtins, os, sys\nprint(hasattr(builtins, 'mark'), os.listdir())\nbuiltins.mark = open('f', 'w')"
    outputs = {run.python(code).run.stdout.data for _ in range(3)}

    assert {b"False ['main.py']\n"} == outputs


def test_it_stands_behind_walls(template):
    """By the kernel's word: nobody's user, one capability, no way to another, a filter; and nothing of the host in sight."""
    shown = status(template.pid)
    capabilities = [int(shown[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd")]
    namespaces = {
        name
        for name in ("user", "mnt", "net", "ipc", "uts", "cgroup", "pid")
        if os.readlink(f"/proc/{template.pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
    }

    assert [1 << 7] * 4 + [0] == capabilities  # CAP_SETUID
    assert [str(template.spec.uid)] * 4 == shown["Uid"].split()
    assert ("1", "2") == (shown["NoNewPrivs"], shown["Seccomp"])
    assert {"mnt", "net", "ipc", "uts", "cgroup", "pid"} == namespaces
    assert [] == os.listdir(f"/proc/{template.pid}/root/proc")


WALLS = """
import ctypes, os
for line in open("/proc/self/status"):
    if line.startswith(("Cap", "NoNew", "Seccomp:", "Uid", "Gid", "Groups")):
        print(*line.split())
print(ctypes.CDLL(None).prctl(27, 0, 0, 0, 0))  # PR_GET_SECUREBITS
try:
    os.kill(1, 0)
except PermissionError:
    print("init is out of reach of signals")  # by Landlock: the user is the same
"""
SECUREBITS = 0b11101111


@pytest.mark.usefixtures("template")
def test_a_fork_stands_behind_the_walls_of_a_program(run):
    result = run.python(WALLS)

    assert Start.TEMPLATE is result.run.start
    assert [
        *("Uid: 1000 1000 1000 1000", "Gid: 1000 1000 1000 1000", "Groups:"),
        *(f"Cap{name}: {0:016x}" for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")),
        *("NoNewPrivs: 1", "Seccomp: 2", str(SECUREBITS)),
        *(["init is out of reach of signals"] if landlock.abi_version() >= SCOPED_SIGNALS else []),
    ] == result.run.stdout.data.decode().splitlines()


@pytest.mark.usefixtures("template")
def test_a_forks_limits_are_the_requests(run):
    result = run.python("import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))", open_files=99)

    assert (Start.TEMPLATE, b"99 99\n") == (result.run.start, result.run.stdout.data)


def test_it_is_in_a_group_of_its_own(template):
    assert template.spec.id in Path(f"/proc/{template.pid}/cgroup").read_text()


@pytest.mark.usefixtures("template")
def test_its_forks_are_in_their_containers_group(host, run):
    code = "import sys; block = bytearray(100 << 20); print(len(block))"
    fits, does_not = (run.python(code, memory_bytes=limit << 20).verdict for limit in (160, 64))

    assert (Verdict.OK, Verdict.MEMORY_LIMIT) == (fits, does_not)


@pytest.mark.usefixtures("template", "setuid_programs_are_dumpable")
def test_init_of_a_fork_is_not_dumpable(host):
    """It changes users to write the request's files, and starts nothing by which that would be mended."""
    sleeps = Source(language="python", files=(File(path="", content=b"import time; time.sleep(20)"),))
    execution = host.submit(Submission(program=sleeps))
    try:
        container = wait_for(lambda: execution._container)
        wait_for(lambda: container.program_pidfd >= 0)
        owner = Path(f"/proc/{container.init_pid}/environ").stat().st_uid
    finally:
        host.await_(execution.abandon())

    assert Start.TEMPLATE is container.origin
    assert 0 == owner, "files of an undumpable process belong to root"


@pytest.mark.usefixtures("template")
def test_a_forks_network_is_nobody_elses(run):
    """A fork cannot enter one that its container's root does not own, so each has one that is made for it."""
    results = [run.python("import os; print(os.stat('/proc/self/ns/net').st_ino)") for _ in range(3)]

    assert {Start.TEMPLATE} == {result.run.start for result in results}
    assert len(results) == len({result.run.stdout.data for result in results})


def test_a_template_that_was_killed_is_started_anew(host, run, template):
    os.kill(template.pid, 9)
    wait_for(template.gone.done)
    host.await_(host.engine.pool.drain())
    result = run.python(HELLO)
    assert (Verdict.OK, Start.TEMPLATE) != (result.verdict, None)

    another = wait_for(
        lambda: run.python(HELLO) and next((t for t in host.engine.templates if t is not template), None)
    )
    assert Start.TEMPLATE is run.python(HELLO).run.start
    assert another.pid != template.pid


def wear_out(host, run, template):
    """Have another template take the place of one."""
    template.forks = 1 << 20
    wait_for(lambda: run.python(HELLO) and template not in list(host.engine.templates))


def test_a_worn_template_gives_way_to_another(host, run, template):
    wear_out(host, run, template)

    wait_for(lambda: not Path(f"/proc/{template.pid}").exists())
    assert Start.TEMPLATE is run.python(HELLO).run.start


def start_otherwise(host, monkeypatch, otherwise):
    """Have templates be of a runtime that is otherwise in some things."""
    start = host.engine._start_template
    monkeypatch.setattr(
        host.engine.templates, "_start", lambda kind: start(replace(kind, runtime=replace(kind.runtime, **otherwise)))
    )


@pytest.fixture
def renewed(host, run, template, monkeypatch):
    """Have another template in the place of the one that is there, of a runtime that is otherwise in some things."""

    def renew(**otherwise):
        start_otherwise(host, monkeypatch, otherwise)
        wear_out(host, run, template)
        host.await_(host.engine.pool.drain())
        wait_for(lambda: Start.TEMPLATE is run.python(HELLO).run.start)
        (other,) = host.engine.templates
        assert otherwise == {name: getattr(other.spec, name) for name in otherwise}

    return renew


LEFT = "import sys; print([name for name in ('sitecustomize', 'template') if name in sys.modules], len(sys.meta_path), len(sys.path_hooks))"


@pytest.mark.parametrize(
    "otherwise",
    [{}, {"place": "/usr/lib/python3.11/sitecustomize.py"}, {"argv": ("/usr/bin/python3", "-m", "main")}],
    ids=str,
)
def test_it_leaves_nothing_of_itself_behind(run, renewed, otherwise):
    """Wherever it waits: for ``site``, where that may run something or the program is no file."""
    renewed(**otherwise)
    result = run.python(LEFT).run

    assert (Start.TEMPLATE, b"[] 3 2\n") == (result.start, result.stdout.data)


COLLECTED = """
import gc, timeit
print(gc.get_freeze_count(), timeit.gc is gc, any(found is vars(timeit) for found in gc.get_objects()))
"""


def test_what_is_preloaded_is_the_collectors_once_the_program_has_it(run, renewed):
    """Also where that has the collector itself."""
    renewed(preload=("timeit",))
    result = run.python(COLLECTED).run

    assert (Start.TEMPLATE, b"0 False True\n") == (result.start, result.stdout.data)


KEPT_BY_THE_LIBRARY = """
import logging, typing

class Node(typing.Generic[typing.TypeVar("T")]):
    def __del__(self):
        print("deleted", logging.INFO)

def search(node: typing.Optional[Node]) -> typing.Dict[str, Node]:
    return {}

node = Node[int]()
file = open("written", "w")
file.write("all of it")
"""


def test_what_preloaded_modules_hold_of_a_program_is_let_go_of_at_its_end(host, renewed):
    """A file is written, a finalizer runs: the collector passes over what holds them, but not to the last."""
    renewed(preload=("typing", "logging"))
    source = Source(language="python", files=(File(path="", content=KEPT_BY_THE_LIBRARY.encode()),))
    result = host.execute(Submission(program=source, collect=("written",)))

    assert (Start.TEMPLATE, b"deleted 20\n", b"") == (
        result.run.start,
        result.run.stdout.data,
        result.run.stderr.data,
    )
    assert [("written", b"all of it")] == [(file.path, file.content) for file in result.files]


PRELOADS = b"    for name in config.preload:\n"
LOUD = b"""
    exec("class Loud:\\n    def __del__(self): print('deleted')\\nloud = Loud()", vars(sys.modules["posixpath"]))
"""


def test_modules_are_cleared_that_have_something_to_finalize_themselves(monkeypatch):
    hook = HOOK.replace(PRELOADS, LOUD + PRELOADS)
    assert hook != HOOK
    monkeypatch.setattr(engine_module, "read_hook", lambda _name: hook)

    with contextlib.closing(Host(templates=TEMPLATES)) as host:
        run = Runner(host)
        result = wait_for(lambda: (result := run.python(HELLO).run).start is Start.TEMPLATE and result)

    assert (b"hello\ndeleted\n", b"") == (result.stdout.data, result.stderr.data)


def test_a_template_that_may_hold_much_of_what_ended_is_ended(host, run, template):
    """It is given the namespaces of its containers, and who keeps one keeps its files, which count against nobody then."""
    template._may_keep_bytes = 50 << 20
    code = "open('/tmp/f', 'wb').write(bytes(30 << 20))"
    wait_for(lambda: run.python(code) and template.gone.done())

    wait_for(lambda: Start.TEMPLATE is run.python(HELLO).run.start)


# What an image could do with the place that it has. Each attempt is made by a hook of its own in the place of ours.

ATTEMPT = """
import posix, sys, _ctypes, _socket
class Long(_ctypes._SimpleCData): _type_ = "l"
class Function(_ctypes.CFuncPtr): _flags_ = 1 | 8; _restype_ = Long
def call(number, *arguments):
    function = Function(_ctypes.dlsym(_ctypes.dlopen(None, 0), "syscall"))
    if function(Long(number), *map(Long, arguments)) == -1:
        raise OSError(_ctypes.get_errno(), "")
errno = {1: "EPERM", 2: "ENOENT", 3: "ESRCH", 9: "EBADF", 11: "EAGAIN", 14: "EFAULT", 22: "EINVAL", 30: "EROFS", 38: "ENOSYS"}
try:
    %s
    said = "DONE"
except OSError as error:
    said = errno.get(error.errno, str(error.errno))
posix.write(2, said.encode())
posix._exit(0)
"""
OTHERS = 0x70000000  # the owner of a container that has no fork of a template in it


@pytest.mark.parametrize(
    ("attempt", "stopped_by"),
    [
        ("posix.setresuid(0, 0, 0)", "EPERM"),
        ("posix.setuid(0)", "EPERM"),
        ("posix.setreuid(0, 0)", "EPERM"),
        ("posix.seteuid(0)", "EPERM"),
        ("posix.setresgid(0, 0, 0)", "EPERM"),
        ("posix.setgroups([0])", "EPERM"),
        ("posix.setresuid(OWN + 1000, OWN + 1000, OWN + 1000)  # a container's program", "EPERM"),
        ("posix.setresuid(OWN, OWN, OWN)  # the owner of a container for a fork of its own: the control", "DONE"),
        (f"posix.setresuid({OTHERS}, {OTHERS}, {OTHERS})  # of another container", "EPERM"),
        ("posix.setresuid(THEIRS, THEIRS, THEIRS)  # of a container with a fork of another template", "EPERM"),
        ("posix.kill(1, 9)  # the launcher", "EPERM"),
        ("call(101, 16, 1, 0, 0)  # ptrace PTRACE_ATTACH, the launcher", "ENOSYS"),
        ("call(165, 1, 1, 1, 0, 0)  # mount", "ENOSYS"),
        ("call(272, 0x10000000)  # unshare CLONE_NEWUSER", "ENOSYS"),
        ("call(56, 0x10000000 | 17, 0, 0, 0, 0)  # clone CLONE_NEWUSER", "ENOSYS"),
        ("call(435, 1, 88)  # clone3", "ENOSYS"),
        ("call(161, 1)  # chroot", "ENOSYS"),
        ("call(246, 0, 0, 0, 0)  # kexec_load", "ENOSYS"),
        ("call(321, 0, 1, 120)  # bpf", "ENOSYS"),
        ("call(425, 8, 1)  # io_uring_setup", "ENOSYS"),
        ("call(0x40000000 + 39)  # getpid of x32", "ENOSYS"),
        ("call(308, 0, 0)  # setns, of a pipe", "EINVAL"),
        ("call(308, posix.pidfd_open(posix.getpid(), 0), 0x10000000)  # setns CLONE_NEWUSER, of a process", "EPERM"),
        ("call(16, posix.pidfd_open(posix.getpid(), 0), 0xFF09)  # ioctl PIDFD_GET_USER_NAMESPACE", "EPERM"),
        ("call(16, 3, 0xB701)  # ioctl NS_GET_USERNS", "EPERM"),
        ("call(122, 0)  # setfsuid", "EPERM"),
        ("posix.open('/tmp/f', posix.O_CREAT | posix.O_WRONLY)", "EROFS"),
        ("posix.open('/usr/lib/python3.11/os.py', posix.O_WRONLY)", "EROFS"),
        ("posix.open('/proc/1/environ', posix.O_RDONLY)", "ENOENT"),
    ],
)
def test_what_an_image_makes_of_its_template(host, run, template, monkeypatch, attempt, stopped_by):
    own = next(row for row in host.engine._rows if row.whole).owners[0]
    ids = f"OWN, THEIRS = {own}, {template.row.owners[0]}\n"
    monkeypatch.setattr(engine_module, "read_hook", lambda name: (ids + ATTEMPT % attempt).encode())

    failure = refused(host)

    assert f"start_template: {stopped_by}" in failure


# A filter of its own has unshare(2) notified to a process of its own, which says that it may be made.
ANSWERS = (
    ATTEMPT[: ATTEMPT.index("errno = ")]
    + """
def packed(size, *values): return b"".join([value.to_bytes(size, sys.byteorder) for value in values])
class Byte(_ctypes._SimpleCData): _type_ = "c"
def buffer(data): return (Byte * len(data)).from_buffer_copy(data)
def address(data): return _ctypes.addressof(data)
UNSHARE, IOCTL, SECCOMP, USER_NOTIF, ALLOW = 272, 16, 317, 0x7FC00000, 0x7FFF0000
instructions = (0x20, 0, 0), (0x15, 1 << 8, UNSHARE), (0x06, 0, USER_NOTIF), (0x06, 0, ALLOW)
code = buffer(b"".join([packed(2, code, jumps) + packed(4, value) for code, jumps, value in instructions]))
program = buffer(packed(8, len(instructions), address(code)))
ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
if not posix.fork():
    listener = Function(_ctypes.dlsym(_ctypes.dlopen(None, 0), "syscall"))(*map(Long, (SECCOMP, 1, 8, address(program))))
    theirs.sendmsg([b"x"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed(4, listener))])
    posix.close(listener)
    try:
        call(UNSHARE, 0x10000000)
        posix.write(2, b"DONE")
    except OSError as error:
        posix.write(2, b"%d" % error.errno)
    posix._exit(0)
listener = int.from_bytes(ours.recvmsg(1, 100)[1][0][2], sys.byteorder)
said = buffer(bytes(80))
try:
    call(IOCTL, listener, 0xC0502100, address(said))
    answer = buffer(bytes(said)[:8] + bytes(8) + packed(4, 0, 1))
    call(IOCTL, listener, 0xC0182101, address(answer))
except OSError as error:
    posix.write(2, b"%d " % error.errno)
posix.close(listener)
posix.waitpid(-1, 0)
posix._exit(0)
"""
)


def test_an_image_does_not_answer_for_its_templates_filter(host, template, monkeypatch):
    """What that refuses may be notified first, by a filter of the image's own; but nobody there can take it, so that it is ENOSYS again."""
    monkeypatch.setattr(engine_module, "read_hook", lambda _name: ANSWERS.encode())

    failure = refused(host)

    assert failure.endswith("start_template: 1 38")  # EPERM, ENOSYS


def noted(host, monkeypatch):
    """Return a list that gets each template which is started."""
    started, start = [], host.engine.templates._start

    async def note(kind):
        started.append(await start(kind))
        return started[-1]

    monkeypatch.setattr(host.engine.templates, "_start", note)
    return started


OUTSIDER = HOOK.replace(
    b"between = enter(int(text), namespaces, done)",
    b'sync.send(b"here"); posix.write(2, b"joined;" if sync.recv(16) else b"refused;"); posix._exit(1)',
)


def test_nobody_but_a_fork_joins_its_containers_group(monkeypatch):
    """What is not in a container does not end with it, and would have its limits beside those of the template."""
    monkeypatch.setattr(engine_module, "read_hook", lambda _name: OUTSIDER)
    with contextlib.closing(Host(templates=TEMPLATES)) as host:
        started = noted(host, monkeypatch)
        monkeypatch.setattr(host.engine.templates, "give_up", lambda _kind, _error: None)
        said = wait_for(lambda: Runner(host).python(HELLO) and "".join(template._said() for template in started))

    assert {"refused", ""} == set(said.split(";"))


BOMB = """
import posix
try:
    while posix.fork():
        pass
    posix.setsid()
    posix.read(3, 1)
except OSError as error:
    posix.write(2, str(error.errno).encode())
posix._exit(0)
"""


def test_a_templates_processes_are_few(host, template, monkeypatch):
    """A bomb in an image's own interpreter meets the limit of its group, and ends with it."""
    monkeypatch.setattr(engine_module, "read_hook", lambda name: BOMB.encode())

    failure = refused(host)

    assert "start_template: 11" in failure  # EAGAIN
    wait_for(lambda: all(map(alive, children(host.engine.launcher_pid))))  # the launcher reaps them


# What may happen to a template in the middle of a fork, or what an image's own may leave undone.

ENDS = HOOK.replace(b"child = posix.fork()", b"child = posix.fork()\n        child and posix._exit(0)")
LEAVES = HOOK.replace(b"posix.waitpid(-1, ", b"bool(")


@pytest.mark.parametrize(
    "hook", [ENDS, LEAVES], ids=["it ends while it forks", "it does not reap what it has in there"]
)
def test_no_container_outlives_its_end_by_a_template(monkeypatch, hook):
    assert hook != HOOK
    monkeypatch.setattr(engine_module, "read_hook", lambda _name: hook)

    def ran(times):
        results = [Runner(host).python(HELLO) for _ in range(times)]
        return {(result.verdict, result.run.stdout.data) for result in results}

    with contextlib.closing(Host(templates=TEMPLATES)) as host:
        started = noted(host, monkeypatch)
        wait_for(lambda: ran(1) and sum(template.forks for template in started))

        assert {(Verdict.OK, b"hello\n")} == ran(3)
        host.await_(host.engine.pool.drain())
        wait_for(lambda: not host.engine._live)


def faults_of(program, monkeypatch, hook, **otherwise):
    """Return a program's page faults with a hook, and how it ended."""
    monkeypatch.setattr(engine_module, "read_hook", lambda _name: hook)
    with contextlib.closing(Host(templates=TEMPLATES)) as host:
        start_otherwise(host, monkeypatch, otherwise)
        run = Runner(host)
        result = wait_for(lambda: (ran := run.python(program)).run.start is Start.TEMPLATE and ran)
        return result.run.usage.minor_faults, (result.run.exit_code, result.run.stdout.data)


GOES_ALL_THE_WAY = HOOK.replace(b"            self.shortcut.take()\n", b"            pass\n")
MUCH = ("asyncio", "unittest.mock", "email.message")
OWN_CODE_IN_C = """
import _json, importlib.util, shutil
shutil.copy(_json.__file__, "own.so")
spec = importlib.util.spec_from_file_location("_json", "own.so")
spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""


@pytest.mark.parametrize("preload", [(), MUCH], ids=["", "with modules preloaded"])
@pytest.mark.parametrize(
    "program", [HELLO, "import sys; print('hello'); sys.exit(7)", "import heapq, fractions; print('hello'); 1 / 0"]
)
def test_what_leaves_nothing_ends_at_once(monkeypatch, program, preload):
    """With its own exit status. To take the interpreter down is to write to most of its pages, and each is to be copied."""
    assert GOES_ALL_THE_WAY != HOOK
    faults, ended = faults_of(program, monkeypatch, HOOK, preload=preload)
    more_faults, ended_as_well = faults_of(program, monkeypatch, GOES_ALL_THE_WAY, preload=preload)

    assert ended == ended_as_well
    assert faults < more_faults - 150


@pytest.mark.parametrize(
    "leaves",
    ["import sys\nclass Own: pass\nsys.own = Own()\n", "import ctypes\n", OWN_CODE_IN_C],
    ids=["an object of its own", "who knows what", "code of its own in C"],
)
def test_what_leaves_something_does_not(monkeypatch, leaves):
    """What would be missed, or what nobody can tell of."""
    faults, ended = faults_of(leaves + HELLO, monkeypatch, HOOK)
    more_faults, ended_as_well = faults_of(leaves + HELLO, monkeypatch, GOES_ALL_THE_WAY)

    assert (0, b"hello\n") == ended == ended_as_well
    assert abs(faults - more_faults) < 50


PASSES = b"packed(4, listener)"


@pytest.mark.parametrize("passed", ["posix.pipe()[0]", "posix.open('/dev/null', 0)"])
def test_a_fork_that_passes_no_listener_is_no_program(monkeypatch, passed):
    """The server waits for nothing else: it would be told as a bug, or never be waited for in vain."""
    hook = HOOK.replace(PASSES, f"packed(4, {passed})".encode())
    assert hook != HOOK
    monkeypatch.setattr(engine_module, "read_hook", lambda _name: hook)
    errors = []

    with contextlib.closing(Host(templates=TEMPLATES)) as host:
        give_up = host.engine.templates.give_up
        monkeypatch.setattr(
            host.engine.templates, "give_up", lambda kind, error: errors.append(str(error)) or give_up(kind, error)
        )
        wait_for(lambda: Verdict.OK is Runner(host).python(HELLO).verdict and errors)
        result = Runner(host).python(HELLO)

    assert "a descriptor that is no seccomp listener" in errors[0]
    assert (Verdict.OK, b"hello\n") == (result.verdict, result.run.stdout.data)
    assert Start.TEMPLATE is not result.run.start


NAMES = b'f"ready {posix.getpid()}"'


def test_a_fork_that_names_another_process_is_no_program(monkeypatch):
    """Init waits for the one that it is told of, which is not its child: it ends, and the container with it."""
    hook = HOOK.replace(NAMES, b'"ready 1"')
    assert hook != HOOK
    monkeypatch.setattr(engine_module, "read_hook", lambda _name: hook)

    with contextlib.closing(Host(templates=TEMPLATES)) as host:
        result = wait_for(lambda: (ran := Runner(host).python(HELLO)).run.start is Start.TEMPLATE and ran)

    assert Verdict.INTERNAL_ERROR is result.verdict
    assert result.run.usage.cpu_time_ns < SECOND_NS


@pytest.mark.parametrize("call", ["pidfd_open", "fork"])
def test_a_fork_that_fails_halfway_does_not_go_on_in_the_memory_that_another_has_left(monkeypatch, call):
    """It is ended before it is told to have failed, by the template, which goes on to serve."""
    fails = f'call("vfork")\n    posix.{call} = lambda *_: posix.stat("/nowhere")'
    tells = b'posix.write(2, b"%d;" % posix.waitpid(child, 0)[1])'
    hook = HOOK.replace(b'call("vfork")', fails.encode()).replace(b"posix.waitpid(child, 0)", tells)
    monkeypatch.setattr(engine_module, "read_hook", lambda _name: hook)
    errors, ends = [], []

    with contextlib.closing(Host(templates=TEMPLATES)) as host:
        monkeypatch.setattr(host.engine.templates, "give_up", lambda _kind, error: errors.append(str(error)))
        wait_for(lambda: Verdict.OK is Runner(host).python(HELLO).verdict and len(errors) > 1)
        used = next(iter(host.engine.templates))
        wait_for(lambda: ends.append(used._said()) or "".join(ends).count(";") > 1)

    assert {"container set-up failed at await_program: No such file or directory: join_namespaces"} == set(errors)
    assert {str(int(signal.SIGKILL)), ""} == set("".join(ends).split(";"))
