"""Images of several layers in real containers: the default image's, and small ones over it."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import grpc
import pytest

from sandboxd.client import SandboxClient
from sandboxd.errors import BuildFailed
from sandboxd.images import layers
from sandboxd.images.pack import pack_erofs
from sandboxd.images.tree import Tree
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import ServerThread, command, python
from tests.image_store import put


def add_layer(store, name, base, tree, manifest=None):
    """Put an image into the store that has one layer over those of another."""
    version = put(store, name, manifest=manifest)
    for file in ("root.erofs", "digest"):
        (version / file).unlink()
    layers.put_below((store / base).resolve(), version)
    (version / "digest").write_text(layers.add(version, pack_erofs(Tree(tree), version)) + "\n")
    return version


def own_layer(directory: Path) -> Path:
    """Make the tree of a layer: a new file, a changed one, one that is gone, and a directory that is gone."""
    for name in ("opt", "etc", "usr/bin", "usr/lib"):
        (directory / name).mkdir(parents=True)
    (directory / "opt" / "hello").write_text("hello\n")
    (directory / "etc" / "hostname").write_text("layered\n")
    for gone in ("usr/bin/mawk", "usr/lib/gcc"):
        os.mknod(directory / gone, stat.S_IFCHR, os.makedev(0, 0))
    return directory


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with ``default`` and, over it, ``layered``, and ``eight`` and ``nine`` with so many layers."""
    directory = tmp_path_factory.mktemp("layers")
    store = directory / "state" / "images"
    store.mkdir(parents=True)
    put(store, "default")
    add_layer(store, "layered", "default", own_layer(directory / "own"))
    base = "layered"
    for number in range(3, 9):
        tree = directory / str(number)
        tree.mkdir()
        (tree / f"layer{number}").touch()
        add_layer(store, f"l{number}", base, tree)
        base = f"l{number}"
    nine = put(store, "l9")
    layers.share(store / "l8", nine)
    os.link(store / "l8" / "root.erofs", nine / "below" / "7.erofs")
    (nine / "below" / "8.erofs").hardlink_to(nine / "root.erofs")
    return store


@pytest.fixture(scope="module")
def server(store):
    """A server with that store."""
    server = ServerThread(listen=f"unix:{store.parent}/socket", state_dir=store.parent)
    yield server
    server.close()


@pytest.fixture
def run(server):
    """Run a shell command in an image, which must succeed; returns the lines of its output."""
    with SandboxClient(server.app.address) as client:

        def run(image, script):
            response = client.execute(command("sh", "-c", script, image=image))
            assert (pb.VERDICT_OK, b"") == (response.verdict, response.run.stderr.data)
            return response.run.stdout.data.decode().splitlines()

        yield run


def test_the_layers_are_one_tree(run):
    assert ["hello", "layered"] == run("layered", "cat /opt/hello /etc/hostname")
    assert ["gone", "gone"] == run("layered", "for x in bin/mawk lib/gcc; do [ -e /usr/$x ] || echo gone; done")
    assert [] == run("layered", "ls /usr/bin | grep -x mawk; ls /usr/lib | grep -x gcc || [ $? = 1 ]")


def test_the_layer_below_is_as_it_was(run):
    assert ["sandbox", "there", "there"] == run(
        "default", "cat /etc/hostname; for x in bin/mawk lib/gcc; do [ -e /usr/$x ] && echo there; done"
    )


def test_files_of_every_layer_are_roots(run):
    """The layers' mounts are id-mapped: what is root's on disk is the container's root's."""
    assert ["0:0 644", "0:0 644"] == run("layered", "stat -c '%u:%g %a' /opt/hello /etc/passwd")


def test_nothing_of_a_layer_can_be_changed(run, store):
    def digests():
        image = (store / "layered").resolve()
        return [hashlib.sha256(file.read_bytes()).hexdigest() for file in (*layers.below(image), image / "root.erofs")]

    before = digests()
    script = "for x in /opt/hello /etc/passwd /usr/bin/env; do (echo x > $x) 2>/dev/null || rm -f $x 2>/dev/null || echo kept; done"

    assert ["kept"] * 3 == run("layered", script)
    assert before == digests()


def test_a_layer_is_mounted_once(run, server):
    """For all images that have it: these three have three between them, and no test before this has others."""
    for image in ("default", "layered", "layered", "l3"):
        run(image, "true")

    mounts = Path(f"/proc/{server.engine.launcher_pid}/mountinfo").read_text().splitlines()

    assert 3 == sum(" erofs " in mount for mount in mounts)


def test_programs_are_forked_from_a_template_of_an_image_of_layers(server):
    request = python("import os; print(open('/opt/hello').read(), end='')", image="layered")
    with SandboxClient(server.app.address) as client:
        for _ in range(100):
            response = client.execute(request)
            assert (pb.VERDICT_OK, b"hello\n") == (response.verdict, response.run.stdout.data)
            if response.run.start == pb.START_TEMPLATE:
                return
    pytest.fail("none was")


def test_there_may_be_eight_layers(run, server):
    assert [f"/layer{number}" for number in range(3, 9)] == run("l8", "ls -d /layer*")
    with SandboxClient(server.app.address) as client, pytest.raises(grpc.RpcError) as error:
        client.execute(command("true", image="l9"))
    assert "container set-up failed at mount_image" in error.value.details()


def test_nothing_is_built_on_eight_layers(store, tmp_path):
    with pytest.raises(BuildFailed, match="at most 8 layers"):
        layers.put_below(store / "l8", tmp_path)
