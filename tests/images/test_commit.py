"""Commits and diffs of executions: real servers with stores of their own, real containers, and programs that do not want to be read."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from sandboxd.client import SandboxClient
from sandboxd.images import layers
from sandboxd.model import MIB, MOST_LAYERS
from sandboxd.runtime.policy import default_directory
from sandboxd.v1 import execution_service_pb2 as pb
from sandboxd.v1 import image_service_pb2 as image_pb
from tests.api.conftest import ServerThread, command, python
from tests.container.test_layers import add_layer
from tests.image_store import make_wheel, put
from tests.images.conftest import libraries
from tests.observe import wait_for

ADDED, CHANGED, DELETED = image_pb.CHANGE_KIND_ADDED, image_pb.CHANGE_KIND_CHANGED, image_pb.CHANGE_KIND_DELETED
REGULAR, DIRECTORY, SYMLINK = image_pb.FILE_TYPE_REGULAR, image_pb.FILE_TYPE_DIRECTORY, image_pb.FILE_TYPE_SYMLINK
LARGEST = "4096GiB"


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("commit")


@pytest.fixture(scope="module")
def policies(directory):
    """The shipped policy, and ``keep``, which permits commits, and files as large as anybody can name."""
    policies = shutil.copytree(default_directory(), directory / "policies")
    text = (policies / "default.toml").read_text().replace("commit = false", "commit = true")
    (policies / "keep.toml").write_text(text.replace('file_size_bytes = "4GiB"', f'file_size_bytes = "{LARGEST}"'))
    return policies


@pytest.fixture(scope="module")
def store(directory):
    store = directory / "state" / "images"
    store.mkdir(parents=True)
    put(store, "default")
    return store


@pytest.fixture(scope="module")
def server(store, policies):
    wheels = store.parents[1] / "wheels"
    wheels.mkdir()
    server = ServerThread(
        listen=f"unix:{store.parent}/socket", state_dir=store.parent, policies_dir=policies, wheelhouse=wheels
    )
    yield server
    server.close()


@pytest.fixture
def client(server, store):
    with SandboxClient(server.app.address) as client:
        yield client
        for image in client.images.list():
            if not image.is_default:
                client.images.remove(image.name)
    assert [] == [path.name for path in store.iterdir() if path.name.startswith((".work", ".new"))]
    assert [] == list((store / ".tmp").glob("*"))


@pytest.fixture
def small(client, tmp_path):
    """The name of an image that has little: it is quickly saved."""
    root = tmp_path / "small"
    for program in ("sh", "cat", "ls", "rm", "mkdir", "sleep", "touch", "chmod", "mkfifo"):
        for file in [f"/bin/{program}", *libraries(f"/bin/{program}")]:
            place = root / file.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(root, arcname=".")
    data.seek(0)
    client.images.take("small", data)
    return "small"


@contextlib.contextmanager
def running(client, script, *, policy="keep", **options) -> Iterator[str]:
    """Run a shell script that goes on when it has said ``ready``, for the time of the block; gives the execution's id."""
    request = command("sh", "-c", f"{script}\necho ready; sleep 60", policy=policy, **options)
    with _until_ready(client, request) as execution_id:
        yield execution_id


@contextlib.contextmanager
def _until_ready(client, request) -> Iterator[str]:
    call = client.stream(iter([pb.ExecuteStreamRequest(request=request)]))
    said, execution_id = b"", ""
    for message in call:
        kind = message.WhichOneof("message")
        assert kind != "response", message.response
        execution_id = message.started.execution_id if kind == "started" else execution_id
        said += message.stdout
        assert b"" == message.stderr
        if said.endswith(b"ready\n"):
            break
    try:
        yield execution_id
    finally:
        client.cancel(execution_id)
        list(call)


def sh(client, script, image, **options):
    """Run a shell script in an image, which must succeed; returns the lines of its output."""
    response = client.execute(command("sh", "-c", script, image=image, **options))
    assert (pb.VERDICT_OK, b"") == (response.verdict, response.run.stderr.data)
    return response.run.stdout.data.decode().splitlines()


def saved(client, image):
    """Return an image as a file."""
    return io.BytesIO(b"".join(client.images.save(image)))


def refused(call, *arguments, **options):
    """Return the status and words of a refusal."""
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments, **options)
    return error.value.code(), error.value.details()


def told(diff):
    return {change.path: (change.kind, change.type) for change in diff.changes}


# What a commit is.


def test_what_a_program_has_made_is_in_the_image(client):
    with running(
        client, "mkdir -p a/b; echo one > a/b/file; chmod 750 a/b/file; ln -s b/file a/link; touch -d @1000 a/b"
    ) as id_:
        image = client.images.commit(id_, "mine", message="a message", author="somebody")

    assert ["one", "one"] == sh(client, "cat a/b/file a/link", "mine")
    assert ["1000:1000 755 .", "1000:1000 755 a", "1000:1000 750 a/b/file"] == sh(
        client, "stat -c '%u:%g %a %n' . a a/b/file", "mine"
    )
    assert ["b/file"] == sh(client, "readlink a/link", "mine")
    assert image.digest == client.images.get("mine").digest != client.images.get("default").digest


def test_each_container_of_it_begins_with_what_was_committed(client):
    with running(client, "echo one > file; mkdir dir; echo two > dir/file") as execution_id:
        client.images.commit(execution_id, "mine")

    assert ["changed", "3"] == sh(
        client, "cat file >/dev/null; echo changed > file; cat file; rm -r dir; echo 3", "mine"
    )
    assert ["one", "two"] == sh(client, "cat file dir/file", "mine")


def test_what_a_program_removes_is_not_in_the_next(client):
    with running(client, "mkdir -p dir/sub kept; echo x | tee gone dir/x dir/sub/y kept/z same") as execution_id:
        client.images.commit(execution_id, "one")
    script = "rm gone; rm -r dir; mkdir dir; echo new > dir/new; mkdir dir/sub; echo more >> kept/z; mv same moved"
    with running(client, script, image="one") as execution_id:
        diff = told(client.images.diff(execution_id))
        client.images.commit(execution_id, "two")

    tree = "find . | sort; cat dir/new kept/z moved"
    assert [".", "./dir", "./dir/new", "./dir/sub", "./kept", "./kept/z", "./moved", "new", "x", "more", "x"] == sh(
        client, tree, "two"
    )
    assert diff == {
        "gone": (DELETED, REGULAR),
        "dir/x": (DELETED, REGULAR),
        "dir/sub/y": (DELETED, REGULAR),
        "dir/new": (ADDED, REGULAR),
        "kept/z": (CHANGED, REGULAR),
        "same": (DELETED, REGULAR),
        "moved": (ADDED, REGULAR),
    }
    assert 5 == len(sh(client, "find . -type f", "one"))  # which is as it was


def test_a_kind_that_becomes_another(client):
    with running(client, "mkdir dir; touch dir/a; echo f > file; ln -s file link") as execution_id:
        client.images.commit(execution_id, "one")
    script = "rm -r dir; echo now > dir; rm file; mkdir file; touch file/in; rm link; mkdir link"
    with running(client, script, image="one") as execution_id:
        diff = told(client.images.diff(execution_id))
        client.images.commit(execution_id, "two")

    assert ["now", "in", "directory"] == sh(client, "cat dir; ls file; stat -c %F link", "two")
    assert diff == {
        "dir": (CHANGED, REGULAR),
        "file": (CHANGED, DIRECTORY),
        "file/in": (ADDED, REGULAR),
        "link": (CHANGED, DIRECTORY),
    }


def test_the_program_goes_on(client):
    request = command("sh", "-c", "echo one > file; echo ready; read line; cat file; echo $line", policy="keep")
    pieces = [pb.ExecuteStreamRequest(request=request)]
    committed = []

    def messages():
        yield from pieces
        while not committed:
            yield pb.ExecuteStreamRequest(signal=18)
        yield pb.ExecuteStreamRequest(stdin=b"went on\n")

    for message in client.stream(messages()):
        if message.HasField("started"):
            execution_id = message.started.execution_id
        if b"ready" in message.stdout:
            committed.append(client.images.commit(execution_id, "mine"))

    assert b"ready\none\nwent on\n" == message.response.run.stdout.data
    assert ["one"] == sh(client, "cat file", "mine")


def test_tmp_is_scratch(client):
    with running(client, "echo x > /tmp/x; echo y > /dev/shm/y; echo z > z") as execution_id:
        client.images.commit(execution_id, "mine")
        assert ["z"] == list(told(client.images.diff(execution_id)))

    assert ["z"] == sh(client, "ls /tmp /dev/shm | grep -v : | grep . ; ls", "mine")


def test_its_languages_are_those_of_the_image(client):
    with running(client, "echo 'ANSWER = 42' > helper.py") as execution_id:
        client.images.commit(execution_id, "mine")

    response = client.execute(python("import helper; print(helper.ANSWER)", image="mine"))

    assert b"42\n" == response.run.stdout.data
    assert client.images.get("default").languages == client.images.get("mine").languages


def test_where_it_came_from_is_kept(client):
    with running(client, "touch x") as execution_id:
        client.images.commit(execution_id, "one", message="first")
    with running(client, "touch y", image="one") as second:
        client.images.commit(second, "two", message="second", author="somebody")

    first, last = client.images.get("two").commits

    assert (execution_id, "default", "keep", "first", "") == (
        first.execution_id, first.image, first.policy, first.message, first.author,
    )  # fmt: skip
    assert (second, "one", "second", "somebody") == (last.execution_id, last.image, last.message, last.author)
    assert client.images.get("one").digest == last.image_digest
    assert abs(last.create_time.seconds - client.images.get("two").create_time.seconds) < 60
    assert first == client.images.get("one").commits[0]
    assert [] == [commit for image in client.images.list() for commit in image.commits]


def test_it_goes_by_a_file_to_another_server(client, small, tmp_path, policies):
    with running(client, "mkdir dir; echo 1 > dir/gone; echo 2 > dir/stays; echo x > x", image=small) as first:
        client.images.commit(first, "one", message="of the first")
    with running(client, "rm dir/gone; echo y > y", image="one") as second:
        client.images.commit(second, "two")
    other_store = tmp_path / "there" / "images"
    other_store.mkdir(parents=True)
    put(other_store, "default")
    other = ServerThread(listen=f"unix:{tmp_path}/socket", state_dir=tmp_path / "there", policies_dir=policies)
    try:
        with SandboxClient(other.app.address) as there:
            image = there.images.take("two", saved(client, "two")).image

            assert ["dir", "x", "y", "stays", "x", "more"] == sh(there, "ls; ls dir; echo more >> x; cat x", "two")
            assert ["x"] == sh(there, "cat x", "two")
            *_, one, two = image.origin.history
            assert (True, "of the first") == (first in one.created_by, one.comment)
            assert second in two.created_by
            with running(there, "rm -r dir; mkdir dir; echo z > dir/z", image="two") as third:
                there.images.commit(third, "three")
            there.images.take("four", saved(there, "three"))
            assert ["z", "x", "y"] == sh(there, "ls dir; cat x y", "four")
    finally:
        other.close()


def test_layers_from_elsewhere_go_on_as_they_came(client, small):
    """Also when the image that they came with has gone: nobody who has them is sent them again."""

    def layers_in(image):
        with tarfile.open(fileobj=saved(client, image)) as tar:
            (told,) = json.load(tar.extractfile("manifest.json"))
        return told["Layers"]

    came = layers_in(small)
    with running(client, "echo one > file", image=small) as execution_id:
        client.images.commit(execution_id, "mine")
    client.images.remove(small)
    client.images.prune()

    assert came == layers_in("mine")[: len(came)]
    assert len(came) + 2 == len(layers_in("mine"))  # what every image has, and the commit


def test_the_name_means_the_new_image_at_once(client):
    """Containers that were kept ready of the old one are not used any more."""
    with running(client, "echo one > file") as execution_id:
        client.images.commit(execution_id, "mine")
    for _ in range(5):
        assert ["one"] == sh(client, "cat file", "mine")
    with running(client, "echo two > file", image="mine") as execution_id:
        client.images.commit(execution_id, "mine")

    assert ["two"] == sh(client, "cat file", "mine")
    assert ["default", "mine"] == [commit.image for commit in client.images.get("mine").commits]


def test_the_image_that_it_ran_in_may_have_lost_its_name(client):
    with running(client, "echo one > file") as execution_id:
        client.images.commit(execution_id, "one")
    with running(client, "echo two > more", image="one") as execution_id:
        client.images.remove("one")
        client.images.prune()
        client.images.commit(execution_id, "two")

    assert ["one", "two"] == sh(client, "cat file more", "two")


def test_an_image_that_was_committed_from_can_go(client, store):
    """Neither what is remembered of the execution nor its commit keeps it on the disk; what the new one shares with it stays."""
    with running(client, "echo one > file") as execution_id:
        client.images.commit(execution_id, "one")
    version = (store / "one").resolve()
    response = client.execute(command("cat", "file", image="one", policy="keep", commit_to="two"))
    with running(client, "true", image="one") as execution_id:
        client.images.commit(execution_id, "three")
        client.images.diff(execution_id)
    client.images.remove("one")

    def is_gone():
        client.images.prune()
        return not version.exists()

    assert "" == response.committed.error
    wait_for(is_gone)
    assert [["one"], ["one"]] == [sh(client, "cat file", image) for image in ("two", "three")]


def test_packages_are_built_on_it(client, directory):
    """Of Python, whose layer goes over the commit's. Not of Debian: that would make the root anew, without it."""
    make_wheel(directory / "wheels", "thing", "1.0", {"thing.py": "NAME = 'thing'\n"})
    with running(client, "echo one > file") as execution_id:
        client.images.commit(execution_id, "one")
    *_, last = client.images.build(image_pb.BuildImageRequest(base="one", requirements="thing", name="two"))

    code = "import thing; print(thing.NAME, open('file').read())"
    assert b"thing one\n\n" == client.execute(python(code, image="two")).run.stdout.data
    assert (execution_id, "two") == (client.images.get("two").commits[0].execution_id, last.image.name)
    with running(client, "cat file; rm file", image="two") as second:
        client.images.commit(second, "three")
    assert (
        b"thing []\n"
        == client.execute(
            command("python3", "-c", "import thing, os; print(thing.NAME, os.listdir())", image="three")
        ).run.stdout.data
    )
    assert client.images.get("two").packages == client.images.get("three").packages != client.images.get("one").packages
    code, details = refused(lambda: list(client.images.build(image_pb.BuildImageRequest(base="one", packages=["jq"]))))
    assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (code, "not made of Debian packages alone" in details)


# What a program leaves that has ended.


def test_the_end_of_a_program(client):
    response = client.execute(command("sh", "-c", "echo one > file", policy="keep", commit_to="mine:v1"))

    image = client.images.get("mine:v1")
    assert (pb.VERDICT_OK, "") == (response.verdict, response.committed.error)
    assert image.digest == response.committed.image_digest
    assert response.execution_id == image.commits[0].execution_id
    assert ["one"] == sh(client, "cat file", "mine:v1")


def test_the_end_of_a_compiled_program(client):
    source = pb.Source(language="c", code=b'#include <stdio.h>\nint main(void) { puts("hi"); return 0; }')
    response = client.execute(pb.ExecuteRequest(source=source, policy="keep", commit_to="mine"))

    assert "" == response.committed.error
    assert ["hi"] == sh(client, "./main", "mine")
    again = client.execute(pb.ExecuteRequest(source=source, image="mine"))
    assert (pb.VERDICT_OK, b"hi\n") == (again.verdict, again.run.stdout.data)


@pytest.mark.parametrize("script", ["touch x; exit 1", "touch x; kill -9 $$"])
def test_of_a_bad_end_there_is_no_image(client, script):
    response = client.execute(command("sh", "-c", script, policy="keep", commit_to="mine"))

    assert not response.HasField("committed")
    assert ["default"] == [image.name for image in client.images.list()]


def test_what_keeps_an_end_from_being_committed_is_told_in_the_answer(client):
    request = command(
        "sh", "-c", "truncate -s 1T sparse; echo done", policy="keep", commit_to="mine", collect=["none"],
        limits=pb.Limits(file_size_bytes=2 << 40),
    )  # fmt: skip
    response = client.execute(request)

    assert (pb.VERDICT_OK, b"done\n") == (response.verdict, response.run.stdout.data)
    assert "" == response.committed.image_digest
    assert "the workspace has more than 67108864 bytes" in response.committed.error
    assert ["default"] == [image.name for image in client.images.list()]


def layers_of(store, image):
    return len(layers.below((store / image).resolve())) + 1


def test_any_number_of_commits_one_after_another(client, store, small):
    """Where there may be no more layers, those of commits become one."""
    list_ = []
    client.images.tag(small, "mine")
    for number in range(1, 18):
        script = f"mkdir -p d; echo {number} > f{number}; echo {number} > d/last; rm -f f{number - 3}; ls"
        with running(client, script, image="mine") as execution_id:
            client.images.commit(execution_id, "mine", message=f"{number}")
        list_.append(layers_of(store, "mine"))

    round_ = list(range(layers_of(store, small) + 1, MOST_LAYERS + 1))
    assert (round_ * 17)[:17] == list_
    look = "ls; cat f15 f16 f17 d/last"
    assert ["d", "f15", "f16", "f17", "15", "16", "17", "17"] == sh(client, look, "mine")
    commits = client.images.get("mine").commits
    assert [str(number) for number in range(1, 18)] == [commit.message for commit in commits]
    image = client.images.take("again", saved(client, "mine")).image
    assert ["d", "f15", "f16", "f17", "15", "16", "17", "17"] == sh(client, look, "again")
    assert [str(number) for number in range(1, 18)] == [step.comment for step in image.origin.history[-17:]]
    assert list_[-1] == sum(not step.empty_layer for step in image.origin.history)


def test_what_merged_commits_removed_of_the_image_stays_removed(client, store, small):
    """Of a file below them, too, and what was made again is there."""
    with running(client, "mkdir d; for f in a b d/c d/e; do echo x > $f; done", image=small) as execution_id:
        client.images.commit(execution_id, "one")
    client.images.take("base", saved(client, "one"))  # of layers that are no commits here, with files in its workspace
    with running(client, "rm a; rm -r d; mkdir d; echo y > d/c", image="base") as execution_id:
        client.images.commit(execution_id, "mine")
    for _ in range(8):
        with running(client, "true", image="mine") as execution_id:
            client.images.commit(execution_id, "mine")

    assert ["b", "d", "c", "y"] == sh(client, "ls; ls d; cat d/c", "mine")
    assert len(client.images.get("mine").commits) == 9
    assert layers_of(store, "base") < layers_of(store, "mine") < layers_of(store, "base") + 9, "none were merged"


def test_no_more_layers_than_there_may_be(client, store):
    """Of layers that are no commits none goes."""
    version, tree = (store / "default").resolve(), store / ".tree"
    tree.mkdir()
    base = "default"
    for number in range(2, 9):
        base, _ = f"l{number}", add_layer(store, f"l{number}", base, tree)
    tree.rmdir()
    assert version == (store / "default").resolve()

    code, details = refused(client.execute, command("true", policy="keep", image="l8", commit_to="l9"))
    assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (
        code,
        "'l8' has 8 layers, which is as many as there may be" in details,
    )
    with running(client, "true", image="l8") as execution_id:
        assert grpc.StatusCode.FAILED_PRECONDITION is refused(client.images.commit, execution_id, "l9")[0]


# Who may, and of what.


def test_only_where_the_policy_permits_it(client):
    with running(client, "touch x", policy="default") as execution_id:
        code, details = refused(client.images.commit, execution_id, "mine")
        assert ["x"] == list(told(client.images.diff(execution_id)))  # which takes nothing from anybody

    assert (grpc.StatusCode.PERMISSION_DENIED, "policy 'default' does not permit it (commit)") == (code, details)
    again = refused(client.execute, command("true", commit_to="mine"))
    assert (grpc.StatusCode.PERMISSION_DENIED, "policy 'default' does not permit it (commit)") == again
    assert ["default"] == [image.name for image in client.images.list()]


def test_only_where_clients_may_change_images(tmp_path, policies):
    store = tmp_path / "images"
    store.mkdir()
    put(store, "default")
    server = ServerThread(
        listen=f"unix:{tmp_path}/socket", state_dir=tmp_path, policies_dir=policies, manage_images=False
    )
    try:
        with SandboxClient(server.app.address) as client, running(client, "touch x") as execution_id:
            for attempt in (
                lambda: client.images.commit(execution_id, "mine"),
                lambda: client.execute(command("true", policy="keep", commit_to="mine")),
            ):
                code, details = refused(attempt)
                assert (grpc.StatusCode.PERMISSION_DENIED, True) == (code, "manage_images" in details)
            assert ["x"] == list(told(client.images.diff(execution_id)))
    finally:
        server.close()


def test_an_execution_that_nobody_knows(client):
    assert grpc.StatusCode.NOT_FOUND is refused(client.images.commit, "0" * 32, "mine")[0]
    assert grpc.StatusCode.NOT_FOUND is refused(client.images.diff, "0" * 32)[0]


def test_an_execution_that_has_ended(client):
    ended = client.execute(command("true", policy="keep")).execution_id

    for attempt in (lambda: client.images.commit(ended, "mine"), lambda: client.images.diff(ended)):
        assert (grpc.StatusCode.FAILED_PRECONDITION, "the execution has ended") == refused(attempt)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "A/B"}, "name"),
        ({"name": "../x"}, "name"),
        ({"name": "x", "message": "m" * 5000}, "message"),
        ({"name": "x", "author": "m" * 500}, "author"),
    ],
)
def test_a_bad_field_is_named(client, options, field):
    with running(client, "touch x") as execution_id:
        code, details = refused(client.images.commit, execution_id, **options)

    assert (grpc.StatusCode.INVALID_ARGUMENT, True) == (code, details.startswith(f"{field}: ")), details


def test_a_bad_name_of_an_end_is_named(client):
    code, details = refused(client.execute, command("true", policy="keep", commit_to="A/B"))

    assert (grpc.StatusCode.INVALID_ARGUMENT, True) == (code, details.startswith("commit_to: "))


def test_what_is_not_sandboxds_is_not_replaced(client, store):
    (store / "foreign").mkdir()
    try:
        with running(client, "touch x") as execution_id:
            assert grpc.StatusCode.FAILED_PRECONDITION is refused(client.images.commit, execution_id, "foreign")[0]
    finally:
        (store / "foreign").rmdir()


def test_several_at_one_time(client):
    with running(client, "head -c 1000000 /dev/urandom > file; md5sum file > sum") as execution_id:
        with ThreadPoolExecutor() as pool:
            made = list(pool.map(lambda n: client.images.commit(execution_id, f"mine{n % 3}"), range(6)))
        diffs = [told(client.images.diff(execution_id)) for _ in range(2)]

    assert {"mine0", "mine1", "mine2"} == {image.name for image in made}
    assert [{"file", "sum"}] * 2 == [set(diff) for diff in diffs]
    for name in ("mine0", "mine1", "mine2"):
        assert ["file: OK"] == sh(client, "md5sum -c sum", name)


# Programs that do not want to be read.


def test_links_lead_nowhere(client):
    script = "ln -s /etc/passwd abs; ln -s ../../../../etc up; ln -s /proc/self/root root; ln -s . loop"
    with running(client, script) as execution_id:
        client.images.commit(execution_id, "mine")

    assert ["/etc/passwd", "../../../../etc", "/proc/self/root", "."] == sh(client, "readlink abs up root loop", "mine")


def test_special_files_are_left_out_and_counted(client):
    code = "import os, socket\nos.mkfifo('fifo')\nsocket.socket(socket.AF_UNIX).bind('socket')\n"
    code += "for name, mode in (('suid', 0o4755), ('sgid', 0o2755)):\n    open(name, 'w').close()\n    os.chmod(name, mode)\n"
    code += "os.mkdir('sticky'); os.chmod('sticky', 0o3777); open('.wh.x', 'w').close(); os.makedirs('.wh.d/below')\nopen('f', 'w')"
    with running(client, f'python3 -c "{code}"') as execution_id:
        image = client.images.commit(execution_id, "mine")
        kinds = {change.path: change.type for change in client.images.diff(execution_id).changes}

    assert ["f 644", "sgid 755", "sticky 777", "suid 755"] == sh(client, "stat -c '%n %a' $(ls -A)", "mine")
    assert {"special_files": 2, "privileges": 2, "names": 3} == dict(image.commits[0].left_out)
    assert {0} == {kinds[name] for name in ("fifo", "socket")}


def test_a_name_of_a_whiteout_does_not_keep_an_image_from_being_saved(client, small):
    with running(
        client, "echo x > .wh.x; mkdir .wh..wh..opq; echo y > .wh..wh..opq/y; echo z > z", image=small
    ) as execution_id:
        image = client.images.commit(execution_id, "mine")
    client.images.take("again", saved(client, "mine"))

    assert {"names": 3} == dict(image.commits[0].left_out)
    assert [["z"], ["z"]] == [sh(client, "ls -A", image) for image in ("mine", "again")]


@pytest.mark.parametrize("size", ["1G", "1T"])
def test_holes_count(client, size, store):
    before = shutil.disk_usage(store).used
    options = {"limits": pb.Limits(file_size_bytes=2 << 40)}
    with running(client, f"echo x > first; truncate -s {size} sparse", **options) as execution_id:
        code, details = refused(client.images.commit, execution_id, "mine")
        sizes = {change.path: change.size_bytes for change in client.images.diff(execution_id).changes}

    assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (
        code,
        "with the holes of sparse files, at 'sparse'" in details,
    )
    assert sizes == {"first": 2, "sparse": (1 << 30) if size == "1G" else 1 << 40}
    assert shutil.disk_usage(store).used - before < 100 * MIB


def test_many_names_of_one_file_are_bounded(client):
    script = "head -c 2000000 /dev/zero > a; for n in $(seq 100); do ln a a$n; done"
    with running(client, script) as execution_id:
        code, details = refused(client.images.commit, execution_id, "mine")

    assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (code, "more than 67108864 bytes" in details)


def test_few_names_of_one_file_are_files(client):
    with running(client, "echo x > a; ln a b") as execution_id:
        client.images.commit(execution_id, "mine")

    assert ["x", "x"] == sh(client, "cat a b", "mine")


def test_what_is_deep_is_refused(client):
    code = "import os\nfor n in range(100): os.mkdir('d' * 200); os.chdir('d' * 200)"
    with running(client, f'python3 -c "{code}"') as execution_id:
        for call in (lambda: client.images.commit(execution_id, "mine"), lambda: client.images.diff(execution_id)):
            found, details = refused(call)
            assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (found, "paths longer than 2000 bytes" in details)
    with running(client, "d=.; for n in $(seq 70); do d=$d/d; done; mkdir -p $d") as execution_id:
        found, details = refused(client.images.commit, execution_id, "mine")
    assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (found, "deeper than 64 directories" in details)


def test_as_many_files_as_a_policy_allows(client):
    code = "import os\ntry:\n    for n in range(20000): open(f'f{n}', 'w').write('x')\nexcept OSError: print(n)"
    with running(client, f'python3 -c "{code}" > /dev/null; rm f0') as execution_id:
        client.images.commit(execution_id, "mine")
        diff = client.images.diff(execution_id)
    (count,) = sh(client, "ls | wc -l", "mine")

    assert 16000 < int(count) < 16384
    assert int(count) == len(diff.changes)


def test_names_of_any_bytes(client, small):
    names = ("new\\nline", "\\377\\376", "\\033[31m", "-rf", "a b", "\\303\\274", "a" * 254)
    script = "\n".join(f"""f=$(printf -- '{name}'); echo x > "./$f" """ for name in names)
    with running(client, script, image=small) as execution_id:
        client.images.commit(execution_id, "mine")
        paths = [change.path for change in client.images.diff(execution_id).changes]
    client.images.take("again", saved(client, "mine"))

    shown = [r"-rf", r"\033[31m", r"\303\274", r"\377\376", r"a\ b", "a" * 254, r"new\nline"]
    for image in ("mine", "again"):
        assert sorted(shown) == sorted(sh(client, "ls -b", image, env={"LC_ALL": "C"}))
    assert {"new\nline", "\ufffd\ufffd", "\x1b[31m", "-rf", "a b", "ü", "a" * 254} == set(paths)


def test_a_name_that_an_image_cannot_have(client):
    with running(client, f"touch {'a' * 255}") as execution_id:
        code, details = refused(client.images.commit, execution_id, "mine")

    assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (code, "a name longer than 254 bytes" in details)


def test_who_swaps_directories_for_links_gets_nothing_of_the_host(client, tmp_path):
    """What is in /etc and in a directory of the test's never is in an image, whenever the link is there."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "host").write_text("of the host")
    code = f"""
import os
os.makedirs('dir/sub'); open('dir/sub/mine', 'w').close(); open('dir/mine', 'w').write('mine')
os.symlink('/etc', 'etc'); os.symlink('{secret}', 'secret')
print('ready', flush=True)
while True:
    for link in ('etc', 'secret'):
        os.rename('dir', 'aside'); os.rename(link, 'dir')
        os.rename('dir', link); os.rename('aside', 'dir')
        os.rename('dir/mine', 'dir/file'); os.symlink('/etc/passwd', 'dir/mine')
        os.unlink('dir/mine'); os.rename('dir/file', 'dir/mine')
"""
    request = python(code, policy="keep", limits=pb.Limits(cpu_time=_seconds(60), wall_time=_seconds(120)))
    with _until_ready(client, request) as execution_id:
        for number in range(20):
            client.images.commit(execution_id, f"mine{number}")
            client.images.diff(execution_id)

    look = "find . -type f | xargs -r grep -L mine | grep -v -e main.py -e sub/mine; find . -name passwd -o -name host; true"
    for number in range(20):
        assert [] == sh(client, look, f"mine{number}")


def _seconds(number):
    limits = pb.Limits()
    limits.cpu_time.seconds = number
    return limits.cpu_time


def test_who_goes_on_writing_and_making_files(client):
    code = """
import os, itertools
open('log', 'wb').write(bytes(1 << 20))
print('ready', flush=True)
log = open('log', 'ab', buffering=0)
for n in itertools.count():
    log.write(b'x' * 4096)
    if n % 1000 == 0: log.truncate(1 << 20)
    os.makedirs(f'd{n % 50}/{n % 7}', exist_ok=True); open(f'd{n % 50}/{n % 7}/f', 'w').close()
    if n % 3 == 0:
        os.unlink(f'd{n % 50}/{n % 7}/f'); os.rmdir(f'd{n % 50}/{n % 7}')
"""
    request = python(code, policy="keep", limits=pb.Limits(cpu_time=_seconds(60), wall_time=_seconds(120)))
    with _until_ready(client, request) as execution_id:
        for number in range(10):
            client.images.commit(execution_id, f"mine{number}")

    for number in range(10):
        (size,) = sh(client, "stat -c %s log", f"mine{number}")
        assert 1 << 20 <= int(size) <= 6 << 20


def test_who_holds_a_lease_is_not_waited_for(client):
    """Opening a file to which somebody has a lease waits for that; the kernel says so to who does not want to."""
    code = "import fcntl, signal\nsignal.signal(signal.SIGIO, signal.SIG_IGN)\nfd = open('leased', 'w')\n"
    code += "fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)\nprint('ready', flush=True)\nimport time; time.sleep(60)"
    with _until_ready(client, python(code, policy="keep")) as execution_id:
        code, details = refused(client.images.commit, execution_id, "mine")

    assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (code, "'leased' in the workspace cannot be read" in details)


def test_an_execution_that_ends_meanwhile(client):
    """The workspace stays until it is read, and the server stays well."""
    for number in range(5):
        with (
            running(client, "head -c 30000000 /dev/zero > file", limits=pb.Limits(disk_bytes=64 * MIB)) as execution_id,
            ThreadPoolExecutor() as pool,
        ):
            future = pool.submit(client.images.commit, execution_id, f"mine{number}")
            client.cancel(execution_id)
            with contextlib.suppress(grpc.RpcError):  # where it had ended before
                future.result()
    for image in client.images.list():
        if not image.is_default:
            assert ["30000000"] == sh(client, "stat -c %s file", image.name)


def test_nothing_of_it_stays_open(client, server):
    """Of each container the server holds one descriptor of the workspace's mount, and no more after a commit, a diff or a refusal."""

    def held():
        found = 0
        for fd in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):
                found += os.readlink(f"/proc/self/fd/{fd}") == "/"
        return found

    with running(client, "echo x > x; mkfifo p") as execution_id:
        for _ in range(3):
            client.images.commit(execution_id, "mine")
            client.images.diff(execution_id)
            refused(client.images.commit, execution_id, "A")
            refused(client.images.commit, execution_id, "x", message="m" * 5000)
        wait_for(lambda: held() == len(server.engine._live))
    client.execute(command("false", policy="keep", commit_to="x"))
    wait_for(lambda: held() == len(server.engine._live))
