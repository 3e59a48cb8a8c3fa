"""The virtual machine of ``make test-cgroup2`` that hangs, or ends without having said how its tests did."""

from __future__ import annotations

import pytest

from tests.vm import run as vm


def machine(then):
    """Return the command of one whose kernel says something, and that comes to the tests."""
    return ["sh", "-c", f"echo boots >&2; {then}"]


def test_one_that_hangs_at_its_start(monkeypatch):
    monkeypatch.setattr(vm, "SILENT_START_S", 1)

    with pytest.raises(vm.Lost, match=r"hangs[^\0]*boots"):
        vm.run(machine("sleep 600"))


def test_one_that_hangs_after_a_word(capfd, monkeypatch):
    monkeypatch.setattr(vm, "SILENCE_S", 0.1)

    with pytest.raises(vm.Lost, match=r"hangs[^\0]*boots"):
        vm.run(machine("echo collected; sleep 600"))

    assert "collected\n" == capfd.readouterr().out


@pytest.mark.parametrize("status", [255, 1], ids=["virtme-ng knows no status", "QEMU's own"])
def test_one_that_ends_without_a_word(status):
    with pytest.raises(vm.Lost, match=r"without a status[^\0]*boots"):
        vm.run(machine(f"exit {status}"))


@pytest.mark.parametrize("status", [0, 1])
def test_the_status_is_that_of_the_tests(capfd, status):
    assert status == vm.run(machine(f"echo passed; exit {status}"))
    assert "passed\n" == capfd.readouterr().out
