"""Mutants and switches are of the code as it stands: each edit's text is there, once. That tests notice them takes minutes: tests/mutants."""

from __future__ import annotations

import pytest

from tests.faults import switch
from tests.mutants.layers import WITHOUT
from tests.mutants.mutants import MUTANTS
from tests.mutation import REPOSITORY

EDITS = [*(mutant.edit for mutant in MUTANTS), *(edit for edits in WITHOUT.values() for edit in edits), *switch.EDITS]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit.file}: {edit.old.strip()[:60]}")
def test_edit_can_be_made(edit):
    assert 1 == (REPOSITORY / edit.file).read_text().count(edit.old)
