"""Images with files in their workspace, in real containers: each sees them, may do with them what it likes, and leaves them as they were."""

from __future__ import annotations

import os
import stat

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from sandboxd.client import SandboxClient
from sandboxd.model import MIB
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import ServerThread, command, python
from tests.container.test_layers import add_layer
from tests.image_store import put

LARGE = 12 * MIB
USER_SITE = ".local/lib/python3.11/site-packages"


def workspace_of(tree, files):
    """Make the tree of a layer with these files in its workspace, by their paths: contents, a link's target, or None for a whiteout."""
    root = tree / "workspace"
    root.mkdir(parents=True)
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        match content:
            case None:
                os.mknod(place, stat.S_IFCHR, os.makedev(0, 0))
            case str():
                place.symlink_to(content)
            case _:
                place.write_bytes(content)
    for place in (root, *root.rglob("*")):
        os.chown(place, 1000, 1000, follow_symlinks=False)
    return tree


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with ``default``, ``filled`` over it, and ``more`` over that."""
    directory = tmp_path_factory.mktemp("workspaces")
    store = directory / "state" / "images"
    store.mkdir(parents=True)
    put(store, "default")
    filled = {
        "data.txt": b"of the image\n",
        "gone.txt": b"of the image\n",
        "sub/deep/file": b"deep\n",
        "sub/other": b"other\n",
        "large": bytes(LARGE),
        "link": "data.txt",
        "util.h": b"#define ANSWER 42\n",
    }
    add_layer(store, "filled", "default", workspace_of(directory / "filled", filled))
    more = {"gone.txt": None, "sub/third": b"third\n", "data.txt": b"of the second\n"}
    add_layer(store, "more", "filled", workspace_of(directory / "more", more))
    leading = {"proc": "/proc/self", "etc": "/etc", "up": "../../..", "nowhere": "/none", "loop": "loop"}
    add_layer(store, "leading", "default", workspace_of(directory / "leading", leading))
    # What Python runs before a program, and before a template is one.
    line = b"import os, sys; os.getuid() == 1000 or os._exit(3); sys.ran_early = True\n"
    add_layer(store, "early", "default", workspace_of(directory / "early", {f"{USER_SITE}/early.pth": line}))
    return store


@pytest.fixture(scope="module")
def server(store):
    server = ServerThread(listen=f"unix:{store.parent}/socket", state_dir=store.parent)
    yield server
    server.close()


@pytest.fixture
def client(server):
    with SandboxClient(server.app.address) as client:
        yield client


@pytest.fixture
def sh(client):
    """Run a shell command in an image, ``filled`` unless named, which must succeed; returns the lines of its output."""

    def sh(script, image="filled", **options):
        response = client.execute(command("sh", "-c", script, image=image, **options))
        assert (pb.VERDICT_OK, b"") == (response.verdict, response.run.stderr.data)
        return response.run.stdout.data.decode().splitlines()

    return sh


def limits(**values):
    return pb.Limits(**values)


def test_the_files_are_there_and_the_programs_own(sh):
    assert ["of the image", "deep"] == sh("cat data.txt sub/deep/file")
    assert ["1000:1000 755 .", "1000:1000 644 data.txt", "1000:1000 755 sub"] == sh(
        "stat -c '%u:%g %a %n' . data.txt sub"
    )


def test_a_program_does_with_them_what_it_likes_and_the_next_finds_them_as_they_were(sh):
    tree = "find . -type f ! -name large | sort | xargs md5sum; find . | sort; readlink link"
    before = sh(tree)

    changed = sh(
        "echo more >> data.txt; rm gone.txt sub/deep/file; echo mine > sub/other; mv link moved; chmod 600 util.h\n"
        "cat data.txt sub/other; find . | sort; stat -c %a util.h"
    )

    assert ["of the image", "more", "mine"] == changed[:3]
    tree_of_it = [".", "./data.txt", "./large", "./moved", "./sub", "./sub/deep", "./sub/other", "./util.h"]
    assert [*tree_of_it, "600"] == changed[3:]
    assert before == sh(tree)


def test_a_directory_can_be_removed_and_made_again(sh):
    """For which overlayfs wants attributes of users, which tmpfs has since Linux 6.6."""
    said = sh("exec 2>&1; rm -r sub; mkdir sub && touch sub/new; ls sub")

    assert ["new"] == said or (_kernel() < (6, 6) and "Input/output error" in said[0])
    assert ["deep", "other"] == sh("ls sub")


def _kernel():
    return tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])


def test_layers_are_one_workspace(sh):
    assert ["of the second", "deep", "other", "third"] == sh(
        "cat data.txt sub/deep/file sub/other sub/third; ls | grep gone || true", image="more"
    )


def test_the_walls_stand_there_as_elsewhere(sh):
    """The mount is the container's own, good for no device and no privilege."""
    (mount,) = sh("grep ' /workspace ' /proc/self/mountinfo")
    fields = mount.split()

    assert "overlay" == fields[fields.index("-") + 1]
    assert {"rw", "nosuid", "nodev"} <= set(fields[5].split(","))
    refused = sh("mknod disk b 8 0 2>&1; mknod whiteout c 0 0 2>&1; true")
    assert {line.rpartition(": ")[2] for line in refused} <= {"Operation not permitted", "Permission denied"}
    assert (2, []) == (len(refused), sh("ls | grep -E 'disk|whiteout' || true"))


def test_what_says_that_files_are_hidden_is_out_of_reach(client):
    """A program could otherwise have whoever commits what it left hide files of the image."""
    code = "import os\nos.mkdir('mine')\nos.setxattr('mine', 'user.overlay.opaque', b'y')\nprint(os.listxattr('mine'))"
    response = client.execute(python(code, image="filled"))

    # Before Linux 6.7 it cannot be set; since then it is kept under another name.
    assert b"Operation not supported" in response.run.stderr.data or (
        b"['user.overlay.opaque']\n" == response.run.stdout.data
    )


def test_without_files_there_is_no_overlay(sh):
    (mount,) = sh("grep ' /workspace ' /proc/self/mountinfo", image="default")

    assert "tmpfs" == mount.split()[mount.split().index("-") + 1]


@pytest.mark.parametrize("file", ["new", "data.txt"])
def test_the_disk_limit_holds(client, file):
    code = f"""
import errno
written = 0
with open({file!r}, "ab", buffering=0) as file:
    try:
        while written < 1 << 26: written += file.write(bytes(65536))
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
print(written)
"""
    response = client.execute(python(code, image="filled", limits=limits(disk_bytes=8 * MIB)))

    assert 7 * MIB < int(response.run.stdout.data) <= 8 * MIB


def test_the_disk_limit_holds_where_the_kernel_copies(sh):
    """The first write to a large file of the image copies all of it: too much is refused, and the file stays."""
    said = sh("exec 2>&1; echo x >> large; stat -c %s large", limits=limits(disk_bytes=8 * MIB))

    assert "No space left on device" in said[0]
    assert str(LARGE) == said[-1]


def test_the_number_of_files_is_limited(client):
    code = """
import errno
for n in range(100_000):
    try:
        open(f"f{n}", "w").close()
    except OSError as error:
        print(n, errno.errorcode[error.errno])
        break
"""
    long = Duration(seconds=60)
    response = client.execute(python(code, image="filled", limits=limits(cpu_time=long, wall_time=long)))
    count, name = response.run.stdout.data.split()

    assert b"ENOSPC" == name
    assert 16000 < int(count) < 16384, "the policy's inodes"


def test_what_was_made_or_changed_comes_back(client):
    script = "echo x >> data.txt; rm gone.txt; rm -r sub; echo new > new"
    response = client.execute(command("sh", "-c", script, image="filled", collect=["**"]))

    assert [("data.txt", b"of the image\nx\n"), ("new", b"new\n")] == [(f.path, f.content) for f in response.files]
    assert [] == list(response.skipped_files)


def test_a_requests_files_take_the_place_of_the_images(sh):
    files = [pb.File(path=path, content=b"of the request\n") for path in ("data.txt", "link", "sub/other")]

    said = sh("cat data.txt link sub/other; stat -c %F link; cat sub/deep/file", files=files)

    assert ["of the request"] * 3 + ["regular file", "deep"] == said


@pytest.mark.parametrize("path", ["sub", "data.txt/below"])
def test_a_requests_file_where_the_image_has_another_thing_is_refused(client, path):
    with pytest.raises(grpc.RpcError) as error:
        client.execute(command("true", image="filled", files=[pb.File(path=path, content=b"x")]))

    assert grpc.StatusCode.INVALID_ARGUMENT is error.value.code()
    assert "files: " in error.value.details()


@pytest.mark.parametrize(
    "path", ["proc/comm", "proc/new", "etc/passwd", "etc/new", "up/new", "nowhere/new", "loop/new"]
)
def test_a_requests_file_is_not_written_where_a_link_leads(client, path):
    """What writes it stands behind the program's walls, and makes new files only."""
    with pytest.raises(grpc.RpcError) as error:
        client.execute(command("true", image="leading", files=[pb.File(path=path, content=b"x")]))

    assert grpc.StatusCode.INVALID_ARGUMENT is error.value.code(), error.value.details()


def test_compilers_see_them_and_programs_see_what_compilers_made(client):
    code = b'#include <stdio.h>\n#include "util.h"\nint main(void) { printf("%d\\n", ANSWER); return !fopen("data.txt", "r"); }\n'
    request = pb.ExecuteRequest(source=pb.Source(language="c", code=code), image="filled", collect=["*"])

    response = client.execute(request)

    assert (pb.VERDICT_OK, b"42\n") == (response.verdict, response.run.stdout.data), response.compile.stderr.data
    assert ["main", "main.c"] == [file.path for file in response.files]


def test_programs_of_templates_see_them(client):
    for _ in range(100):
        response = client.execute(python("print(open('data.txt').read(), end='')", image="filled"))
        assert (pb.VERDICT_OK, b"of the image\n") == (response.verdict, response.run.stdout.data)
        if response.run.start == pb.START_TEMPLATE:
            return
    pytest.fail("none was forked")


def test_templates_do_not(client):
    """A template runs before there is a container: what a program has left must not run in it, only in each container."""
    for _ in range(60):
        response = client.execute(python("import sys; print(sys.ran_early)", image="early"))
        assert (pb.VERDICT_OK, b"True\n") == (response.verdict, response.run.stdout.data)
        if response.run.start == pb.START_TEMPLATE:
            return
    pytest.fail("none was forked")
