"""What a warm program uses is charged to it as to a cold one; what its template has used is not."""

from __future__ import annotations

from sandboxd.v1 import execution_service_pb2 as pb

MIB = 1 << 20
MEMORY = "kept = b'x' * (100 << 20)"
CPU = """
import resource
while resource.getrusage(resource.RUSAGE_SELF).ru_utime < 0.3:
    pass
usage = resource.getrusage(resource.RUSAGE_SELF)
print(usage.ru_utime + usage.ru_stime)
"""
INTERPRETER_BYTES = 16 * MIB
"""More than a Python that does nothing takes of its own, and less than what a test would miss."""
OUTSIDE_S = 0.15
"""More than it takes to load an interpreter and to end it, which the program does not see all of; of which a busy machine makes more."""


def python(code):
    return pb.ExecuteRequest(source=pb.Source(language="python", code=code.encode()))


def test_memory(runner):
    pair = runner.pair(python(MEMORY))
    peaks = [answer.run.usage.memory_peak_bytes for answer in (pair.cold, pair.warm)]

    assert pair.expected_start == pair.warm.run.start
    assert all(100 * MIB < peak < 100 * MIB + INTERPRETER_BYTES for peak in peaks), peaks


def test_cpu_time(runner):
    pair = runner.pair(python(CPU))

    assert pair.expected_start == pair.warm.run.start
    for answer in (pair.cold, pair.warm):
        seen, charged = float(answer.run.stdout.data), answer.run.usage.cpu_time.ToMilliseconds() / 1000
        assert 0.3 <= seen
        assert -0.01 < charged - seen < OUTSIDE_S
