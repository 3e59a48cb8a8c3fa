"""What is told of a run, so that it can be repeated."""

from __future__ import annotations

from tests.faults.chance import ROUNDS, SEED


def pytest_report_header():
    return f"faults: TEST_SEED={SEED} TEST_ROUNDS={ROUNDS}"
