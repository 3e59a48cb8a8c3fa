"""Where images are directories: a program sees what one has in its workspace, and no image is made of what it leaves."""

from __future__ import annotations

import os
import shutil
import subprocess

import grpc
import pytest

from sandboxd.client import SandboxClient
from sandboxd.runtime.policy import default_directory
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command
from tests.observe import STEADY_POOL
from tests.server import serving


@pytest.fixture(scope="module")
def filled(state_dir):
    """Name of an image that has files in its workspace; all else it shares with the default."""
    place = state_dir / "images" / "filled"
    if not place.exists():  # of the module's first parameter
        subprocess.run(["cp", "-al", str(state_dir / "images" / "default"), str(place)], check=True)
        (place / "root" / "workspace" / "dir").mkdir()
        for name in ("file", "gone", "dir/file"):
            (place / "root" / "workspace" / name).write_text("of the image\n")
    return "filled"


@pytest.fixture(scope="module")
def client(user, state_dir):
    policies = shutil.copytree(default_directory(), state_dir / "policies", dirs_exist_ok=True)
    text = (policies / "default.toml").read_text()
    (policies / "default.toml").write_text(text.replace("commit = false", "commit = true"))
    flags = ("--state-dir", str(state_dir), "--policies-dir", str(policies), *STEADY_POOL)
    with serving(*flags, under=user.under) as server, SandboxClient(server.address) as client:
        yield client


def sh(client, script, image):
    response = client.execute(command("sh", "-c", script, image=image))
    assert (pb.VERDICT_OK, b"") == (response.verdict, response.run.stderr.data)
    return response.run.stdout.data.decode().splitlines()


def test_the_files_are_seen_and_belong_to_nobody(client, filled):
    """There are no id-mapped mounts, so they are there to be read, and to be removed from the workspace itself."""
    script = "cat file dir/file; stat -c %U file; (echo x > file) 2>/dev/null || echo kept; rm -f gone; ls; echo own > own; cat own"

    assert ["of the image", "of the image", "nobody", "kept", "dir", "file", "own"] == sh(client, script, filled)
    assert ["dir", "file", "gone"] == sh(client, "ls", filled)


def test_what_was_changed_is_told_and_no_image_is_made(client, filled, state_dir):
    call = client.stream(iter([pb.ExecuteStreamRequest(request=command(
        "sh", "-c", "rm -f gone; touch own; echo ready; sleep 60", image=filled
    ))]))  # fmt: skip
    execution_id = next(message.started.execution_id for message in call if message.HasField("started"))
    next(message for message in call if message.stdout)
    try:
        changes = [(change.kind, change.path) for change in client.images.diff(execution_id).changes]
        with pytest.raises(grpc.RpcError) as error:
            client.images.commit(execution_id, "mine")
    finally:
        client.cancel(execution_id)
        list(call)

    assert [(3, "gone"), (1, "own")] == changes
    assert grpc.StatusCode.FAILED_PRECONDITION is error.value.code()
    assert "'filled' is a plain directory, as ordinary users have" in error.value.details()
    assert not os.path.lexists(state_dir / "images" / "mine")
