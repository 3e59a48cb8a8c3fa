"""What a submission comes to where it names what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxd.errors import InvalidSubmission
from sandboxd.images.store import ImageStore
from sandboxd.model import Command, Submission
from sandboxd.service.plan import Planner


def problem(store: Path, image: str) -> str:
    planner = Planner(ImageStore(store), {}, default_image="good", default_policy="default")
    with pytest.raises(InvalidSubmission) as error:
        planner.plan(Submission(program=Command(argv=("true",)), image=image))
    (violation,) = error.value.violations
    assert violation.field == "image"
    return violation.description


def test_a_damaged_image_is_not_blamed_for_the_name_of_another(tmp_path: Path) -> None:
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()

    assert problem(tmp_path, "gopd") == "no image is named 'gopd'; there are: bad, good"


def test_as_many_names_are_told_as_a_person_reads(tmp_path: Path) -> None:
    names = [f"image{number:02}" for number in range(22)]
    for name in names[:20]:
        (tmp_path / name).mkdir()
    assert problem(tmp_path, "x") == f"no image is named 'x'; there are: {', '.join(names[:20])}"
    for name in names[20:]:
        (tmp_path / name).mkdir()
    assert problem(tmp_path, "x") == f"no image is named 'x'; there are: {', '.join(names[:20])} and 2 more"
