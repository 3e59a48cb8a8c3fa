"""What comes to a program from outside while it runs, signals and input, comes to a warm one as to a cold one."""

from __future__ import annotations

import queue
import signal

import pytest

from sandboxd.v1 import execution_service_pb2 as pb
from tests.differential.comparison import differences

WAITS = """
import os, signal, sys, time
sys.tracebacklimit = 0  # where it is at that moment is chance
{setup}
print("ready", flush=True)
while True:
    time.sleep(1)  # not for ever: a signal just before it only notes for the interpreter that there was one
"""
HANDLES = """
def handler(number, frame):
    print("got", number)
    sys.exit(number)
for number in (1, 2, 10, 15):
    signal.signal(number, handler)
"""
IGNORES = """
import signal
print("ready", flush=True)
signal.sigtimedwait([], 0.2)
print("alive", flush=True)
signal.pause()
"""
ASKS = "while True: print(input('? ').upper(), flush=True)"


def python(code):
    return pb.ExecuteRequest(source=pb.Source(language="python", code=code.encode()))


def talk(runner, request, reactions):
    """Run a program cold and warm, each time with reactions to its messages, in their order."""

    def ask(request):
        outgoing, left = queue.SimpleQueue(), list(reactions)
        outgoing.put(pb.ExecuteStreamRequest(request=request))
        for message in runner.client.stream(iter(outgoing.get, None)):
            if left and left[0][0] == message.WhichOneof("message"):
                outgoing.put(pb.ExecuteStreamRequest(**left.pop(0)[1]))
        outgoing.put(None)
        assert not left, f"it never came to {left}"
        return message.response

    pair = runner.pair(request, ask=ask)
    assert (pb.START_COLD, pair.expected_start) == (pair.cold.run.start, pair.warm.run.start)
    assert [] == differences(pair.cold, pair.warm)
    return pair.cold


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGKILL])
@pytest.mark.parametrize("setup", ["", HANDLES], ids=["by-default", "handled"])
def test_signals(runner, number, setup):
    cold = talk(runner, python(WAITS.format(setup=setup)), [("stdout", {"signal": number})])

    assert number in {cold.run.signal, cold.run.exit_code}, "it has reached the program"


def test_ignored_signals(runner):
    """SIGPIPE is ignored; another one after it ends the program."""
    reactions = [("stdout", {"signal": signal.SIGPIPE}), ("stdout", {"signal": signal.SIGTERM})]
    cold = talk(runner, python(IGNORES), reactions)

    assert (signal.SIGTERM, b"ready\nalive\n") == (cold.run.signal, cold.run.stdout.data)


def test_a_conversation(runner):
    """A program that waits for input is seen to, whether it was exec'ed or forked."""
    reactions = [
        ("waiting_for_stdin", {"stdin": b"one\n"}),
        ("waiting_for_stdin", {"stdin": b"two\n"}),
        ("waiting_for_stdin", {"end_of_stdin": pb.EndOfStdin()}),
    ]
    cold = talk(runner, python(ASKS), reactions)

    assert b"? ONE\n? TWO\n? " == cold.run.stdout.data
