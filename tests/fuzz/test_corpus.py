"""Every file of the corpora goes through its target: seeds, and whatever has broken one."""

from __future__ import annotations

import pytest

from sandboxd.v1 import execution_service_pb2 as pb
from tests.fuzz import contract, run

FILES = [
    pytest.param(target, path, id=f"{target}-{path.name}") for target in run.TARGETS for path in run.corpus(target)
]


@pytest.mark.parametrize(("target", "path"), FILES)
def test_what_is_kept_breaks_nothing(target, path):
    run.load(target)(path.read_bytes())


@pytest.mark.parametrize("target", run.TARGETS)
def test_every_target_has_seeds_and_says_what_holds(target):
    assert run.load(target).__doc__
    assert run.corpus(target)


@pytest.mark.parametrize("target", run.TARGETS)
def test_nothing_at_all_breaks_nothing(target):
    run.load(target)(b"")


@pytest.mark.parametrize(
    ("path", "is_there"),
    [
        ("request", True),
        ("program", True),
        ("limits.cpu_time", True),
        ("source.files[3].path", True),
        ("files", True),
        ('env["a.b"]\n"]', True),
        ("env[0]", True),
        ("", False),
        ("nope", False),
        ("limits.nope", False),
        ("limits[0].cpus", False),
        ("image.name", False),
        ('files["a"].path', False),
        ("files[-1].path", False),
        ("files[0].", False),
    ],
)
def test_the_control_of_what_is_a_field(path, is_there):
    assert is_there == contract.has(pb.ExecuteRequest.DESCRIPTOR, path)
