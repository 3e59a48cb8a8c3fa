"""The virtual machine of ``make test-cgroup2`` that hangs: at its start it is tried again, with tests in it not."""

from __future__ import annotations

import pytest

from tests.vm import run as vm

HANGS = "echo once >> %s; echo boots >&2; %s sleep 600"


def machine(tmp_path, says=""):
    """Return the command of one that hangs, and the file that tells how often it was started."""
    starts = tmp_path / "starts"
    return ["sh", "-c", HANGS % (starts, says)], starts


def test_one_that_hangs_at_its_start_is_started_anew(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(vm, "SILENT_START_S", 1)
    command, starts = machine(tmp_path)

    with pytest.raises(vm.LostAtStart, match="boots"):
        vm.start(command)

    assert "once\n" * vm.STARTS == starts.read_text()
    assert capfd.readouterr().err.count("boots") == vm.STARTS - 1


def test_one_that_hangs_after_a_word_is_not(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(vm, "SILENCE_S", 0.1)
    command, starts = machine(tmp_path, says="echo collected;")

    with pytest.raises(vm.Lost, match="boots"):
        vm.start(command)

    assert "once\n" == starts.read_text()
    assert "collected\n" == capfd.readouterr().out


@pytest.mark.parametrize("status", [255, 1], ids=["virtme-ng knows no status", "QEMU's own"])
def test_one_that_ends_without_a_word_is_started_anew_too(tmp_path, status):
    command, starts = machine(tmp_path, says=f"exit {status};")

    with pytest.raises(vm.LostAtStart, match=r"without a status[^\0]*boots"):
        vm.start(command)

    assert "once\n" * vm.STARTS == starts.read_text()


@pytest.mark.parametrize("status", [0, 1])
def test_the_status_is_that_of_the_tests(capfd, status):
    assert status == vm.start(["sh", "-c", f"echo passed; exit {status}"])
    assert "passed\n" == capfd.readouterr().out
