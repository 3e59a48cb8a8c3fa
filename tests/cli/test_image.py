"""``sandboxd image``, and ``run`` without a word about an image."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest

from tests.api.conftest import ServerThread
from tests.cli.conftest import call
from tests.image_store import make_store


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of a server with a store of two images."""
    directory = tmp_path_factory.mktemp("images")
    make_store(directory)
    server = ServerThread(listen=f"unix:{directory}/socket", state_dir=directory)
    yield server.app.address
    server.close()


def test_ls(address):
    result = call("image", "ls", server=address)

    head, default, text = (re.split(r" {2,}", line) for line in result.stdout.decode().splitlines())
    assert (0, b"") == (result.returncode, result.stderr)
    assert ["IMAGE", "DIGEST", "SIZE", "CREATED", "LANGUAGES"] == head
    assert ("default (default)", "bash c cpp python sh") == (default[0], default[4])
    assert ("text", "awk") == (text[0], text[4])
    assert re.fullmatch(r"sha256:[0-9a-f]{12}", text[1])
    assert re.fullmatch(r"\d+MiB", text[2])


def test_ls_of_a_language_in_short_and_as_json(address):
    assert b"text\n" == call("image", "ls", "-q", "--language", "awk", server=address).stdout
    (image,) = json.loads(call("image", "ls", "--json", "--language", "mawk", server=address).stdout)["images"]
    assert ("text", ["mawk"]) == (image["name"], image["languages"][0]["aliases"])


def test_inspect(address):
    image = json.loads(call("image", "inspect", "default", server=address).stdout)

    assert image["isDefault"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", image["digest"])
    assert image["packages"]


def test_tag_and_rm(address):
    assert 0 == call("image", "tag", "text", "awk:5", server=address).returncode
    assert b"awk:5\ndefault\ntext\n" == call("image", "ls", "-q", server=address).stdout

    result = call("image", "rm", "nobody", "awk:5", server=address)

    assert (125, b"awk:5\n") == (result.returncode, result.stdout)
    assert b"sandboxd: NOT_FOUND: no image is named 'nobody'\n" == result.stderr
    assert b"default\ntext\n" == call("image", "ls", "-q", server=address).stdout


def test_run_finds_the_image_by_the_language(address, tmp_path):
    program = tmp_path / "hello.awk"
    program.write_text('BEGIN { print "hello" }')

    result = call("run", "--language", "awk", str(program), server=address)

    assert (0, b"hello\n") == (result.returncode, result.stdout)


def test_languages_with_their_versions(address):
    rows = [
        re.split(r" {2,}", line) for line in call("image", "languages", server=address).stdout.decode().splitlines()
    ]

    assert ["LANGUAGE", "VERSION", "IMAGE", "SOURCE", "ALIASES"] == rows[0]
    by_name = {row[0]: row for row in rows[1:]}
    assert ["awk", "-", "text", "main.awk", "mawk"] == by_name["awk"]
    assert re.fullmatch(r"Python 3\.\d+\.\d+", by_name["python"][1])
    assert ("default", "main.py") == (by_name["python"][2], by_name["python"][3])


def test_a_recipe_is_built_beside_the_server(address, tmp_path):
    (tmp_path / "recipe.toml").touch()

    result = call("image", "build", str(tmp_path), server=address)

    assert 125 == result.returncode
    assert b"has no Dockerfile: build it by python -m sandboxd.images.build" in result.stderr


DOCKERFILE = """
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "mkdir", "/made"]
COPY greeting /made/
ENV NAME=world
CMD ["/bin/busybox", "cat", "/made/greeting"]
"""


@pytest.fixture
def buildah(tmp_path):
    """Variables with which buildah keeps to a directory of its own, and needs no container runtime."""
    configuration = tmp_path / "storage.conf"
    configuration.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/graph"\nrunroot = "{tmp_path}/run"\n')
    return {"CONTAINERS_STORAGE_CONF": str(configuration), "BUILDAH_ISOLATION": "chroot"}


def test_build_of_a_dockerfile(address, tmp_path, buildah):
    directory = tmp_path / "tool"
    directory.mkdir()
    (directory / "Dockerfile").write_text(DOCKERFILE)
    (directory / "greeting").write_text("hello\n")
    shutil.copy("/bin/busybox", directory)

    result = call("image", "build", str(directory), server=address, env=buildah)

    assert (0, b"tool\n") == (result.returncode, result.stdout), result.stderr
    ran = call("run", "--image", "tool", "--", "/bin/busybox", "cat", "/made/greeting", server=address)
    assert (0, b"hello\n") == (ran.returncode, ran.stdout), ran.stderr
    left = subprocess.run(
        ["buildah", "images", "--quiet"], env={**os.environ, **buildah}, capture_output=True, check=True
    )
    assert b"" == left.stdout, "the image is left in buildah's store"
    assert 0 == call("image", "rm", "tool", server=address).returncode


def test_build_of_a_dockerfile_that_is_none(address, tmp_path, buildah):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY missing /\n")

    result = call("image", "build", str(tmp_path), server=address, env=buildah)

    assert 125 == result.returncode
    assert f"sandboxd: buildah build failed: {tmp_path} is not built".encode() in result.stderr.replace(
        b"Error", b"sandboxd"
    )


def test_build_of_a_dockerfile_where_nobody_can(address, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")

    result = call("image", "build", str(tmp_path), server=address, env={"PATH": "/nonexistent"})

    assert 125 == result.returncode
    assert b"built by buildah or docker buildx, and neither is on PATH here" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("--apt", "jq", "--pip", "/etc/hostname"), ("--from", "x", "/etc")])
def test_build_of_one_thing_at_a_time(address, arguments):
    assert 125 == call("image", "build", *arguments, server=address).returncode
