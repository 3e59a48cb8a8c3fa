"""ExecuteStream, StreamLogs and AttachExecution over a real channel."""

from __future__ import annotations

import queue
import threading
import time
from types import SimpleNamespace

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from sandboxd.client import SandboxClient
from sandboxd.service import untaken
from sandboxd.v1 import execution_service_pb2 as pb
from sandboxd.v1 import execution_service_pb2_grpc as pb_grpc
from tests.api.conftest import ServerThread, command, python
from tests.observe import wait_for


class Session:
    """A stream that a test can talk on."""

    def __init__(self, client, request):
        self.outgoing = queue.SimpleQueue()
        self.send(request=request)
        self.call = client.stream(iter(self.outgoing.get, None))

    def send(self, **message):
        """Send one message."""
        self.outgoing.put(pb.ExecuteStreamRequest(**message))

    def half_close(self):
        """End the stream on our side."""
        self.outgoing.put(None)

    def until(self, kind):
        """Return what comes before a message of this kind, and that message."""
        before = []
        for message in self.call:
            if message.WhichOneof("message") == kind:
                return before, message
            before.append(message)
        raise AssertionError(f"the stream ended without {kind}")

    def read_stdout(self, size):
        """Read until so many bytes of stdout have come."""
        data = b""
        while len(data) < size:
            data += self.until("stdout")[1].stdout
        return data


def test_events_in_order(client):
    """Started, then output in the order of writing, then the answer that Execute would have given."""
    session = Session(client, python("import sys; print('a', flush=True); print('b', file=sys.stderr, flush=True)"))
    session.half_close()
    kinds = [(m.WhichOneof("message"), m) for m in session.call]

    assert "started" == kinds[0][0]
    assert pb.PHASE_RUN == kinds[0][1].started.phase
    assert [("stdout", b"a\n"), ("stderr", b"b\n")] == [(k, getattr(m, k)) for k, m in kinds[1:-1]]
    response = kinds[-1][1].response
    assert (pb.VERDICT_OK, b"a\n", b"b\n") == (response.verdict, response.run.stdout.data, response.run.stderr.data)


def test_both_phases_are_told(client):
    source = pb.Source(language="c", code=b"int main(void) { return 0; }")
    session = Session(client, pb.ExecuteRequest(source=source))
    session.half_close()
    phases = [m.started.phase for m in session.call if m.WhichOneof("message") == "started"]

    assert [pb.PHASE_COMPILE, pb.PHASE_RUN] == phases


def test_conversation(client):
    """waiting_for_stdin comes when the program blocks on an empty input, and again after more has been read."""
    session = Session(client, python("while True: print(input('? ').upper(), flush=True)"))
    for word in (b"one\n", b"two\n"):
        session.until("waiting_for_stdin")
        session.send(stdin=word)
        assert word.upper() in session.read_stdout(len(word))
    session.send(end_of_stdin=pb.EndOfStdin())
    _, last = session.until("response")

    assert pb.VERDICT_NONZERO_EXIT == last.response.verdict
    assert b"EOFError" in last.response.run.stderr.data


WAITS = {
    "select": "import select, sys\nselect.select([sys.stdin], [], [])",
    "poll": "import select\np = select.poll()\np.register(0, select.POLLIN)\np.poll()",
    "epoll": "import select\np = select.epoll()\np.register(0, select.EPOLLIN)\np.poll()",
    "a child": "import os\nif os.fork() == 0: os.read(0, 1); os._exit(0)\nos.wait()",
    "a thread": "import os, threading\nthreading.Thread(target=os.read, args=(0, 1)).start()",
}


@pytest.mark.parametrize("tty", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("how", WAITS)
def test_waiting_for_stdin_whichever_way(client, how, tty):
    session = Session(client, python(WAITS[how], tty=tty))
    session.until("waiting_for_stdin")
    session.send(stdin=b"\n")
    session.half_close()
    _, last = session.until("response")

    assert pb.VERDICT_OK == last.response.verdict


def test_a_program_that_waits_for_something_else_does_not_wait_for_stdin(client):
    code = "import select, os\nr, w = os.pipe()\nselect.select([r], [], [], 0.5)\np = select.epoll()\np.register(r)\np.poll(0.5)"
    session = Session(client, python(code))
    kinds = [m.WhichOneof("message") for m in session.call]

    assert ["started", "response"] == kinds


def test_half_close_is_the_end_of_stdin(client):
    session = Session(client, command("cat", stdin=b"from the request, "))
    session.send(stdin=b"and from the stream")
    session.half_close()
    _, last = session.until("response")

    assert b"from the request, and from the stream" == last.response.run.stdout.data


def test_the_end_of_stdin_that_comes_while_the_compiler_runs_is_not_lost(client):
    code = b"#include <stdio.h>\nint main(void) { int c; while ((c = getchar()) != EOF) putchar(c); return 0; }"
    session = Session(client, pb.ExecuteRequest(source=pb.Source(language="c", code=code)))
    session.send(stdin=b"typed early")
    session.send(end_of_stdin=pb.EndOfStdin())
    _, last = session.until("response")

    assert (pb.VERDICT_OK, b"typed early") == (last.response.verdict, last.response.run.stdout.data)


def test_a_megabyte_each_way(client):
    data = bytes(range(256)) * 4096
    session = Session(client, command("cat", limits=pb.Limits(output_bytes=2 << 20)))
    for start in range(0, len(data), 65536):
        session.send(stdin=data[start : start + 65536])
    session.half_close()
    _, last = session.until("response")

    assert data == last.response.run.stdout.data


def test_signal(client):
    code = (
        "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True)\nwhile True: time.sleep(0.01)"
    )
    session = Session(client, python(code))
    session.read_stdout(6)
    session.send(signal=15)
    _, last = session.until("response")

    assert 7 == last.response.run.exit_code


def test_tty(client):
    """A terminal of its own, in a session of its own, that changes its size."""
    code = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])\n"
        "print(os.ttyname(0), os.isatty(1), os.isatty(2), os.getsid(0) == os.getpid(), *os.get_terminal_size(), flush=True)\n"
        "signal.sigwait([signal.SIGWINCH])\n"
        "print(*os.get_terminal_size(), flush=True)\n"
    )
    session = Session(client, python(code, tty=True, window_size=pb.WindowSize(columns=101, rows=37)))
    assert b"/dev/pts/0 True True True 101 37\r\n" == session.read_stdout(34)
    session.send(window_size=pb.WindowSize(columns=50, rows=20))
    assert b"50 20\r\n" == session.read_stdout(7)
    _, last = session.until("response")

    assert pb.VERDICT_OK == last.response.verdict


def test_tty_has_the_size_that_was_set_while_the_compiler_ran(client):
    code = b"""
#include <stdio.h>
#include <sys/ioctl.h>
int main(void) { struct winsize w; ioctl(0, TIOCGWINSZ, &w); printf("%d %d", w.ws_col, w.ws_row); return 0; }
"""
    session = Session(client, pb.ExecuteRequest(source=pb.Source(language="c", code=code), tty=True))
    session.send(window_size=pb.WindowSize(columns=51, rows=17))
    _, last = session.until("response")

    assert b"51 17" == last.response.run.stdout.data


@pytest.mark.parametrize("text", [b"", b"a line\n", b"no newline"])
def test_the_end_of_a_terminals_input(client, text):
    """Which is typed, and where a line has begun, twice."""
    session = Session(client, command("cat", tty=True, stdin=text))
    session.send(end_of_stdin=pb.EndOfStdin())
    _, last = session.until("response")

    assert pb.VERDICT_OK == last.response.verdict
    assert text.strip() in last.response.run.stdout.data


def test_a_program_that_does_not_read_its_terminal_meets_its_limit(client):
    """The kernel takes some 20 KiB of what is typed; what is left is not what the answer waits for."""
    limits = pb.Limits(wall_time=Duration(seconds=1))
    began = time.monotonic()
    response = client.execute(command("sleep", "30", tty=True, stdin=b"a\n" * 30_000, limits=limits), timeout=20)

    assert pb.VERDICT_WALL_TIME_LIMIT == response.verdict
    assert time.monotonic() - began < 10


def test_a_terminal_that_nobody_has_open_for_a_moment(client):
    """What is written when it is open again is not lost."""
    script = "echo early; (sleep 0.3; echo late >/dev/pts/0) & exec <&- >&- 2>&-; sleep 0.6"
    response = client.execute(command("sh", "-c", f"{script}; echo later >/dev/pts/0", tty=True))

    assert b"early\r\nlate\r\nlater\r\n" == response.run.stdout.data


def test_tty_control_c_interrupts(client):
    session = Session(client, python("import time\nprint('up', flush=True)\nwhile True: time.sleep(0.01)", tty=True))
    session.read_stdout(4)
    session.send(stdin=b"\x03")
    _, last = session.until("response")

    assert b"KeyboardInterrupt" in last.response.run.stdout.data


def test_slow_reader_slows_the_program(api, client):
    """Who does not read makes the program wait: nothing of the server grows, and the wall time passes."""
    limits = pb.Limits(output_bytes=16 << 20, wall_time=Duration(seconds=2))
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    session = Session(client, python(code, limits=limits))
    session.until("started")
    execution = api.service.list()[0]
    live = api.service.get(execution.execution_id)
    wait_for(lambda: live.ended)
    session.half_close()

    result = api.await_(live.result())
    assert "WALL_TIME_LIMIT" == result.verdict.name, "the program could write on and on"
    assert len(result.run.stdout.data) < 16 << 20


def test_fast_reader_gets_all(client):
    session = Session(client, command("head", "-c", "8000000", "/dev/zero", limits=pb.Limits(output_bytes=8 << 20)))
    session.half_close()
    got = sum(len(m.stdout) for m in session.call if m.WhichOneof("message") == "stdout")

    assert 8_000_000 == got


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([], "request"),
        ([{"stdin": b"x"}], "request"),
        ([{"request": command("cat")}, {"request": command("cat")}], "request"),
        ([{"request": command("cat")}, {"signal": 65}], "signal"),
        ([{"request": command("cat")}, {}], "message"),
        ([{"request": command("cat", tty=True)}, {"window_size": pb.WindowSize()}], "window_size.columns"),
    ],
)
def test_wrong_messages_are_the_callers_error(api, client, messages, field):
    requests = queue.SimpleQueue()
    for message in messages:
        requests.put(pb.ExecuteStreamRequest(**message))
    if not messages:
        requests.put(None)
    call = client.stream(iter(requests.get, None))
    with pytest.raises(grpc.RpcError) as error:
        list(call)
    requests.put(None)

    assert grpc.StatusCode.INVALID_ARGUMENT is error.value.code()
    assert field in error.value.details()
    wait_for(lambda: api.engine.live == 0)


def test_a_signal_for_a_program_that_could_not_be_started(client):
    for _ in range(10):
        session = Session(client, command("nope"))
        session.send(signal=15)
        _, last = session.until("response")

        assert (pb.VERDICT_NONZERO_EXIT, 127) == (last.response.verdict, last.response.run.exit_code)


def test_losing_the_client_of_a_stream_kills(api, client):
    session = Session(client, python("import time; time.sleep(60)"))
    session.until("started")
    session.call.cancel()
    wait_for(lambda: not client.list() and api.engine.live == 0)


def test_logs_of_a_run_that_has_ended(client):
    response = client.execute(command("sh", "-c", "echo out; echo err >&2"))
    messages = list(client.logs(response.execution_id))

    assert b"out\n" == b"".join(m.stdout for m in messages)
    assert b"err\n" == b"".join(m.stderr for m in messages)
    assert response.verdict == messages[-1].response.verdict
    assert (b"", 4, False) == (
        messages[-1].response.run.stdout.data,
        messages[-1].response.run.stdout.total_bytes,
        messages[-1].response.run.stdout.truncated,
    ), "it has been streamed"


def test_logs_follow_a_run(client):
    session = Session(client, python("print('one', flush=True); input(); print('two', flush=True)"))
    _, started = session.until("started")
    following = client.logs(started.started.execution_id, follow=True)
    first = next(following)
    session.send(stdin=b"\n")
    rest = list(following)
    session.half_close()

    assert b"one\n" == first.stdout
    assert b"two\n" == b"".join(m.stdout for m in rest)
    assert pb.VERDICT_OK == rest[-1].response.verdict


def test_attach(client):
    """A second client sees what comes from now on, and can type; its leaving ends nothing."""
    session = Session(client, python("print('early', flush=True)\nwhile True: print(input(), flush=True)"))
    _, started = session.until("started")
    session.read_stdout(6)
    outgoing = queue.SimpleQueue()
    outgoing.put(pb.AttachExecutionRequest(execution_id=started.started.execution_id))
    outgoing.put(pb.AttachExecutionRequest(stdin=b"typed elsewhere\n"))
    attached = client.attach(iter(outgoing.get, None))
    assert b"typed elsewhere\n" == next(attached).stdout
    attached.cancel()
    outgoing.put(None)
    session.send(stdin=b"still here\n")
    assert b"still here\n" in session.read_stdout(len(b"typed elsewhere\nstill here\n"))
    session.half_close()
    session.until("response")


def test_attach_does_not_feed_a_unary_execution(client):
    thread = threading.Thread(target=lambda: client.execute(python("import time; time.sleep(3)")))
    thread.start()
    running = wait_for(lambda: [e for e in client.list() if e.phase == pb.PHASE_RUN])
    outgoing = queue.SimpleQueue()
    outgoing.put(pb.AttachExecutionRequest(execution_id=running[0].execution_id))
    outgoing.put(pb.AttachExecutionRequest(stdin=b"x"))
    with pytest.raises(grpc.RpcError) as error:
        list(client.attach(iter(outgoing.get, None)))
    outgoing.put(None)
    thread.join()

    assert grpc.StatusCode.FAILED_PRECONDITION is error.value.code()


def test_a_stream_that_is_not_read_keeps_its_client_from_more(tmp_path, monkeypatch):
    """What its execution keeps is counted from its end on, as is what waits for its turn by then; nobody else notices."""
    monkeypatch.setattr(untaken, "OF_ONE_BYTES", 8 << 20)
    server = ServerThread(listen="127.0.0.1:0", slots=1)
    code = "open('a', 'wb').write(bytes(9_000_000)); input()"
    try:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        with (
            grpc.insecure_channel(server.app.address, options) as channel,
            SandboxClient(server.app.address) as other,
        ):
            deaf = pb_grpc.ExecutionServiceStub(channel)
            session = Session(SimpleNamespace(stream=deaf.ExecuteStream), python(code, collect=["a"]))
            session.until("started")
            waiting = deaf.Execute.future(command("true"))
            wait_for(lambda: len(other.list()) == 2)
            session.half_close()
            late = waiting.code()
            with pytest.raises(grpc.RpcError) as refused:
                deaf.Execute(command("true"))
            others = other.execute(command("true")).verdict
            answer = session.until("response")[1].response
            wait_for(lambda: not server.service.untaken._of)
            again = deaf.Execute(command("true")).verdict
    finally:
        server.close()

    assert [grpc.StatusCode.RESOURCE_EXHAUSTED] * 2 == [late, refused.value.code()]
    assert [pb.VERDICT_OK] * 2 == [others, again]
    assert 9_000_000 == len(answer.files[0].content)
