"""Layers are independent: with one of them missing, the others still hold against whatever they are there for.

And it is missing: what that layer alone holds against gets through.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from sandboxd.attack.program import Layer, default_directory, load_suite
from sandboxd.attack.suite import Suite
from sandboxd.attack.target import attacked
from sandboxd.runtime import layout
from tests.container.conftest import STORE
from tests.mutants.layers import WITHOUT
from tests.mutation import environment, mutated
from tests.slowness import SLOWNESS

ATTACKS = load_suite(default_directory())
CAUGHT = {name: attack.header.caught_by for name, attack in ATTACKS.items() if attack.header.caught_by}


@pytest.fixture
def directory_image():
    """Give a state directory whose default image is a directory, which could be written; erofs cannot."""
    with tempfile.TemporaryDirectory(prefix="sandboxd-image-") as state:
        place, mounted = Path(state, "images", "default"), Path(state, "mounted")
        place.mkdir(parents=True)
        mounted.mkdir()
        for name in ("manifest.toml", "digest"):
            shutil.copy(STORE / "default" / name, place)
        layout.mount_image(bytes(STORE / "default" / "root.erofs"), bytes(mounted))
        try:
            subprocess.run(["cp", "--archive", str(mounted), str(place / "root")], check=True)
        finally:
            subprocess.run(["umount", str(mounted)], check=True)
        yield state


@pytest.mark.parametrize("layer", Layer)
def test_without_it_the_others_hold(guard, request, layer):
    flags = ("--state-dir", request.getfixturevalue("directory_image")) if layer is Layer.READ_ONLY_ROOT else ()
    with mutated(WITHOUT[layer]) as directory:
        (directory / "policies" / "open.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW"}))
        # Without templates: their forks build these walls themselves, and each of those has a mutant.
        with attacked("--templates", "0", *flags, env=environment(directory), guard=guard, patience=SLOWNESS) as target:
            suite = Suite(ATTACKS, target, SLOWNESS)
            escapes = {name: suite.run(name).escapes for name in CAUGHT}

    alone = {name for name, layers in CAUGHT.items() if layers == [layer]}
    assert alone == {name for name, found in escapes.items() if found}, {n: e for n, e in escapes.items() if e}
