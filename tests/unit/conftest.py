"""What several of these tests look at."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What nothing in an image may touch: beside its root, and by the names that the attacks use."""
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "host").write_text("of the host")
    return directory


@pytest.fixture(scope="module")
def collected():
    """Let gRPC's descriptors go now, which the collector closes: other tests count theirs."""
    yield
    gc.collect()
