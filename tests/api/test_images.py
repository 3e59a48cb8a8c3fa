"""ImageService, and what requests find by a language alone: a store of the test's own, with the default image's root under other names."""

from __future__ import annotations

import fcntl
import os
import queue
import shutil
from pathlib import Path

import grpc
import pytest

from sandboxd.client import SandboxClient
from sandboxd.images.build import build
from sandboxd.images.oci.media import Execution, History
from sandboxd.images.origin import Origin, write_origin
from sandboxd.images.store import ImageStore
from sandboxd.service.background import MOST
from sandboxd.v1 import execution_service_pb2 as pb
from sandboxd.v1 import image_service_pb2 as image_pb
from tests.api.conftest import ServerThread, command, python
from tests.image_store import link, make_store, make_wheel, put
from tests.observe import wait_for


@pytest.fixture
def store(tmp_path):
    """The server's store."""
    return make_store(tmp_path / "state")


@pytest.fixture
def client(tmp_path, store):
    """A client of a server with that store."""
    server = ServerThread(listen=f"unix:{tmp_path}/socket", state_dir=store.parent)
    with SandboxClient(server.app.address) as client:
        yield client
    server.close()


def refusal(call, *arguments):
    """Return the status and the words with which a call is refused."""
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments)
    return error.value.code(), error.value.details()


def test_images_are_listed_with_their_languages(client, store):
    default, text = client.images.list()

    assert ("default", True, "text", False) == (default.name, default.is_default, text.name, text.is_default)
    assert (store / "default" / "digest").read_text().strip() == default.digest
    assert {"bash", "c", "cpp", "python", "sh"} == {language.name for language in default.languages}
    (awk,) = text.languages
    assert ("awk", ["mawk"], "main.awk", [".awk"]) == (awk.name, awk.aliases, awk.source, awk.extensions)
    assert ([], ["/usr/bin/awk", "-f", "{entrypoint}"]) == (awk.compile, awk.run)
    assert "C.UTF-8" == default.env["LANG"]
    assert default.size_bytes > 100 * 2**20
    assert not default.packages


@pytest.mark.parametrize("kind", ["a file", "a directory"])
def test_an_image_was_made_when_its_root_was(client, store, kind):
    """Whatever names it has got since, and whatever shares its layers."""
    place = store / ".versions" / "text.1"
    os.utime(place / "digest", (1_234_567_890, 1_234_567_890))
    if kind == "a directory":
        (place / "root.erofs").unlink()
        (place / "root").mkdir()
    else:
        os.link(place / "root.erofs", store.parent / "shared")
    client.images.tag("text", "other")

    assert {1_234_567_890} == {client.images.get(name).create_time.seconds for name in ("text", "other")}


@pytest.mark.parametrize(
    ("language", "names"), [("awk", ["text"]), ("mawk", ["text"]), ("py", ["default"]), ("no", [])]
)
def test_images_are_found_by_a_language(client, language, names):
    assert names == [image.name for image in client.images.list(language)]


def test_a_damaged_image_is_not_listed(client, store):
    (store / "text" / "digest").write_text("nothing")

    assert ["default"] == [image.name for image in client.images.list()]
    code, details = refusal(client.images.get, "text")
    assert grpc.StatusCode.FAILED_PRECONDITION is code
    assert "not a digest" in details


def test_an_image_has_its_packages(client):
    packages = client.images.get("default").packages

    assert [name for name in packages if name.startswith("bash_5.")]
    assert not [name for name in packages if name.endswith(".deb")]


def test_what_is_not_there_is_not_found(client):
    for call, *arguments in ((client.images.get, "x"), (client.images.tag, "x", "y"), (client.images.remove, "../x")):
        code, details = refusal(call, *arguments)
        assert grpc.StatusCode.NOT_FOUND is code
        assert f"no image is named '{arguments[0]}'" == details


def test_source_code_is_run_where_its_language_is(client):
    """Without a word about an image, in the first by name that has it; the default has what it has."""
    source = pb.Source(language="awk", code=b'BEGIN { print "hello" }')

    response = client.execute(pb.ExecuteRequest(source=source))

    assert (pb.VERDICT_OK, b"hello\n") == (response.verdict, response.run.stdout.data)
    assert pb.VERDICT_OK == client.execute(python("print()")).verdict
    code, details = refusal(client.execute, pb.ExecuteRequest(source=source, image="default"))
    assert grpc.StatusCode.INVALID_ARGUMENT is code
    assert "image 'default' has no language 'awk'" in details
    nobodys = pb.ExecuteRequest(source=pb.Source(language="cobol", code=b""))
    assert (
        "no image has a language 'cobol'; there are awk, bash, c, cpp, python, sh"
        in refusal(client.execute, nobodys)[1]
    )


def test_a_tag_is_one_more_name(client):
    client.images.tag("text", "text:1.0-RC")
    client.images.remove("text")

    assert ["default", "text:1.0-RC"] == [image.name for image in client.images.list()]
    assert pb.VERDICT_OK == client.execute(command("true", image="text:1.0-RC")).verdict


def test_a_name_means_another_image_from_one_request_to_the_next(client):
    assert pb.VERDICT_OK == client.execute(python("print()")).verdict

    client.images.tag("text", "default")

    assert "no image has a language 'python'" in refusal(client.execute, python("print()"))[1]


@pytest.mark.parametrize("by_whom", ["a client", "a build beside the server"])
def test_what_a_name_meant_before_is_pruned(client, store, by_whom):
    """Though the server has read it, and nobody has asked for the name since."""
    before, now = put(store, "new"), put(store, "now")
    assert "new" in [image.name for image in client.images.list()]

    if by_whom == "a client":
        client.images.tag("now", "new")
    else:
        (store / "link").symlink_to(f".versions/{now.name}")
        (store / "link").replace(store / "new")
    client.images.prune()

    assert (False, True) == (before.exists(), now.exists())


@pytest.mark.parametrize("name", ["", "A", "a/b", "a:", "a:b:c", "../a", ".versions", "a" * 200])
def test_a_name_that_cannot_be_one_is_refused(client, name):
    code, details = refusal(client.images.tag, "text", name)

    assert grpc.StatusCode.INVALID_ARGUMENT is code
    assert details.startswith("new_name:")


def test_the_default_image_stays(client):
    assert (
        grpc.StatusCode.INVALID_ARGUMENT,
        "name: default is the server's default image",
    ) == refusal(client.images.remove, "default")


def test_what_was_put_there_by_hand_is_not_touched(client, store):
    place = store / "own"
    shutil.copytree((store / "text").resolve(), place, copy_function=link)

    for call, *arguments in ((client.images.remove, "own"), (client.images.tag, "text", "own")):
        code, details = refusal(call, *arguments)
        assert grpc.StatusCode.FAILED_PRECONDITION is code
        assert "own is a directory that was not built here" in details
    assert place.is_dir()


def test_a_program_runs_on_in_an_image_that_is_gone(client, store):
    request = command("sh", "-c", "echo ready; read x; exec cat /usr/bin/mawk", image="text")
    messages: queue.SimpleQueue[pb.ExecuteStreamRequest | None] = queue.SimpleQueue()
    messages.put(pb.ExecuteStreamRequest(request=request))
    call = client.stream(iter(messages.get, None))
    assert any(message.stdout == b"ready\n" for message in call)

    client.images.remove("text")
    client.images.tag("default", "other")  # a writer sweeps what no name means, but nothing that is used
    assert (store / ".versions" / "text.1").exists()
    messages.put(pb.ExecuteStreamRequest(stdin=b"\n"))
    messages.put(None)

    (last,) = [message.response for message in call if message.HasField("response")]
    assert pb.VERDICT_OK == last.verdict
    assert last.run.stdout.total_bytes > 100_000
    client.images.remove("other")
    assert not (store / ".versions" / "text.1").exists()


@pytest.fixture
def wheelhouse(tmp_path):
    """A directory with two packages of which one needs the other, made here."""
    directory = tmp_path / "wheels"
    directory.mkdir()
    make_wheel(directory, "inner", "1.0", {"inner.py": "VALUE = 42\n"})
    make_wheel(directory, "inner", "2.0", {"inner.py": "VALUE = 43\n"})
    make_wheel(
        directory,
        "outer",
        "0.1",
        {
            "outer/__init__.py": "from inner import VALUE\n\n\ndef main():\n    print('outer', VALUE)\n",
            "evil.pth": _EVIL,
        },
        needs=["inner<2"],
        script="outer = outer:main",
    )
    return directory


# What site runs at every start of an interpreter; of sandboxd's own doing there must be none that runs it outside a container.
_EVIL = "import os; os.getuid() == 0 and open('/evil', 'w')\n"


@pytest.fixture
def builder(tmp_path, store, wheelhouse):
    """A client of a server with that store and those wheels."""
    server = ServerThread(listen=f"unix:{tmp_path}/socket", state_dir=store.parent, wheelhouse=wheelhouse)
    with SandboxClient(server.app.address) as client:
        yield client
    server.close()


def built(client, name, **options):
    """Build an image; returns what was told meanwhile, and the image."""
    *progress, last = client.images.build(image_pb.BuildImageRequest(name=name, **options))
    return [event.progress for event in progress], last.image


def test_packages_become_a_layer(builder, store):
    told, image = built(builder, "mine", requirements="outer\n")

    assert ["inner-1.0", "outer-0.1"] == [name for name in image.packages if name.startswith(("inner", "outer"))]
    assert any(line == "2 packages: inner-1.0 outer-0.1" for line in told)
    assert "python" in [language.name for language in image.languages]
    response = builder.execute(python("import outer; outer.main(); print(outer.__cached__)", image="mine"))
    assert pb.VERDICT_OK == response.verdict
    said, cached = response.run.stdout.data.decode().splitlines()
    assert "outer 42" == said
    assert pb.VERDICT_OK == builder.execute(command("test", "-f", cached, image="mine")).verdict
    response = builder.execute(command("outer", image="mine"))
    assert (pb.VERDICT_OK, b"outer 42\n") == (response.verdict, response.run.stdout.data)
    assert (store / "mine" / "below" / "0.erofs").samefile(store / "default" / "root.erofs")
    assert pb.VERDICT_NONZERO_EXIT == builder.execute(python("import outer")).verdict


def test_nothing_of_a_package_is_run_by_the_build(builder):
    built(builder, "mine", requirements="outer\n")

    assert pb.VERDICT_NONZERO_EXIT == builder.execute(command("test", "-e", "/evil", image="mine")).verdict
    assert not os.path.exists("/evil")


def test_the_same_set_is_the_same_layer(builder, store):
    _, one = built(builder, "one", requirements="outer\n")
    told, two = built(builder, "", base="python", requirements="inner==1.0\nouter==0.1\n")

    assert (one.digest, True) == (two.digest, "their layer is there already" in told)
    assert two.name.startswith("default-")
    assert (store / "one" / "root.erofs").samefile(store / two.name / "root.erofs")


def test_a_layer_that_no_image_has_goes(builder, store):
    _, image = built(builder, "", requirements="inner\n")

    builder.images.remove(image.name)
    built(builder, "", requirements="inner<2\n")
    built(builder, "", requirements="inner<2\n")

    assert 1 == len(list((store / ".layers").iterdir()))


def test_the_same_set_on_itself_runs(builder, store):
    """No overlay has one layer twice."""
    built(builder, "one", requirements="inner<2\n")
    built(builder, "two", base="one", requirements="inner<2\n")

    assert pb.VERDICT_OK == builder.execute(python("import inner; assert inner.VALUE == 42", image="two")).verdict
    assert not (store / "one" / "root.erofs").samefile(store / "two" / "root.erofs")


def test_layers_are_put_on_layers(builder):
    built(builder, "one", requirements="inner\n")
    _, two = built(builder, "two", base="one", requirements="inner<2\n")

    assert pb.VERDICT_OK == builder.execute(python("import inner; assert inner.VALUE == 42", image="two")).verdict
    assert two.name == "two"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"requirements": "nothing-like-it\n"}, grpc.StatusCode.FAILED_PRECONDITION, "nothing-like-it"),
        ({"requirements": "inner==3\n"}, grpc.StatusCode.FAILED_PRECONDITION, "inner"),
        ({"requirements": "-r /etc/passwd\n"}, grpc.StatusCode.INVALID_ARGUMENT, "requirements: line 1"),
        ({"requirements": ""}, grpc.StatusCode.INVALID_ARGUMENT, "requirements: there are none"),
        ({"requirements": "inner", "base": "nobody"}, grpc.StatusCode.NOT_FOUND, "no image is named 'nobody'"),
        ({"requirements": "inner", "base": "text"}, grpc.StatusCode.INVALID_ARGUMENT, "base: image 'text' has no"),
    ],
)
def test_what_cannot_be_built_says_why_and_changes_nothing(builder, options, code, words):
    found = refusal(lambda: built(builder, "mine", **options))

    assert code is found[0]
    assert words in found[1]
    assert ["default", "text"] == [image.name for image in builder.images.list()]


def test_a_build_needs_a_name_that_can_be_one(builder):
    code, details = refusal(lambda: built(builder, "../x", requirements="inner"))

    assert (grpc.StatusCode.INVALID_ARGUMENT, True) == (code, details.startswith("name: "))


def test_images_are_fixed_where_the_server_says_so(tmp_path, store):
    server = ServerThread(listen=f"unix:{tmp_path}/socket", state_dir=store.parent, manage_images=False)
    try:
        with SandboxClient(server.app.address) as client:
            assert 2 == len(client.images.list())
            for call in (
                lambda: client.images.tag("text", "new"),
                lambda: client.images.remove("text"),
                lambda: built(client, "mine", requirements="inner"),
            ):
                code, details = refusal(call)
                assert (grpc.StatusCode.PERMISSION_DENIED, True) == (code, "may not change images" in details)
    finally:
        server.close()


def test_containers_of_a_replaced_image_are_not_kept(tmp_path, store):
    """Its pool is emptied and its templates are ended as soon as the name is asked for again."""
    server = ServerThread(listen=f"unix:{tmp_path}/socket", state_dir=store.parent)
    try:
        with SandboxClient(server.app.address) as client:
            for _ in range(8):
                assert pb.VERDICT_OK == client.execute(python("print()")).verdict
            before = ImageStore(store).get("default").layers
            wait_for(lambda: before in kept(server) and list(server.engine.templates))

            client.images.tag("text", "default")
            assert pb.VERDICT_OK == client.execute(command("true")).verdict

            wait_for(lambda: before not in kept(server) and not list(server.engine.templates))
            mounted = f"/proc/{server.engine.launcher_pid}/mountinfo"
            wait_for(lambda: len([line for line in Path(mounted).read_text().splitlines() if " erofs " in line]) == 1)
    finally:
        server.close()


def kept(server):
    """Return the images of which containers wait."""
    return {kind.image for kind, shelf in server.engine.pool._shelves.items() if shelf.ready}


def test_packages_on_an_image_from_elsewhere_keep_what_it_said(builder, store):
    said = Origin(
        manifest="sha256:" + "1" * 64,
        blobs=(),
        history=(History(created_by="RUN x"),),
        execution=Execution(labels={"a": "b"}),
    )
    write_origin(store / "default", said)

    built(builder, "one", requirements="inner")
    built(builder, "two", base="one", requirements="outer")

    for name in ("one", "two"):
        origin = builder.images.get(name).origin
        assert (["RUN x"], {"a": "b"}) == ([step.created_by for step in origin.history], dict(origin.labels))


_SMALL = """\
[debian]
suite = "bookworm"
packages = ["base-files", "libc-bin", "dash", "coreutils", "tzdata"]
[root]
remove = ["usr/share/doc", "usr/share/locale"]
run = [["/sbin/ldconfig"]]
"""
_SHELL = '[languages.sh]\nsource = "main.sh"\nextensions = [".sh"]\nrun = ["/usr/bin/sh", "{entrypoint}"]\n'


def test_debian_packages_become_a_layer(tmp_path, store, client):
    recipe = tmp_path / "small"
    recipe.mkdir()
    (recipe / "recipe.toml").write_text(_SMALL)
    (recipe / "manifest.toml").write_text(_SHELL)
    small = build(recipe, store)

    _, image = built(client, "with-jq", base="small", packages=["jq"])
    _, more = built(client, "with-bc", base="with-jq", packages=["bc"])

    script = """echo '{"a": [1, 2]}' | jq -c .a && command -v sh"""
    response = client.execute(command("sh", "-c", script, image="with-jq"))
    assert (pb.VERDICT_OK, b"[1,2]\n/usr/bin/sh\n") == (response.verdict, response.run.stdout.data)
    assert [name for name in image.packages if name.startswith("libjq1_")]
    assert (store / "with-jq" / "below" / "0.erofs").samefile(small.layers[0])
    assert (store / "with-jq" / "root.erofs").stat().st_size < small.layers[0].stat().st_size / 4
    both = "echo 1+1 | bc && echo 3 | jq ."
    assert b"2\n3\n" == client.execute(command("sh", "-c", both, image="with-bc")).run.stdout.data
    assert 3 == len(ImageStore(store).get(more.name).layers)
    code, details = refusal(lambda: built(client, "", base="small", packages=["no-such-package-at-all"]))
    assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (code, "no-such-package-at-all" in details)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"packages": ["jq; rm -r /"]}, grpc.StatusCode.INVALID_ARGUMENT, "packages: 'jq; rm -r /' is not the name"),
        ({"packages": ["j" * 65537]}, grpc.StatusCode.INVALID_ARGUMENT, "packages: more than 65536 characters"),
        ({"packages": ["jq"], "requirements": "six"}, grpc.StatusCode.INVALID_ARGUMENT, "packages: not together"),
        (
            {"packages": ["jq"], "base": "by-pip"},
            grpc.StatusCode.FAILED_PRECONDITION,
            "not made of Debian packages alone",
        ),
    ],
)
def test_debian_packages_that_cannot_be_had(builder, options, code, words):
    built(builder, "by-pip", requirements="inner")

    found = refusal(lambda: built(builder, "x", **options))

    assert (code, True) == (found[0], words in found[1])


def test_a_wheel_of_many_directories_leaves_a_store_that_can_be_written(builder, wheelhouse, store):
    make_wheel(wheelhouse, "deep", "1.0", {"a/" * 1400 + "m.py": ""})

    refusal(lambda: built(builder, "deep", requirements="deep"))

    builder.images.tag("text", "still")
    assert [] == list((store / ".tmp").iterdir())


def test_so_many_builds_at_one_time(tmp_path, store, wheelhouse):
    """One more is refused, and what runs programs goes on: it has threads of its own."""
    server = ServerThread(listen=f"unix:{tmp_path}/socket", state_dir=store.parent, wheelhouse=wheelhouse)
    try:
        with SandboxClient(server.app.address) as client, (store / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            requests = [image_pb.BuildImageRequest(name=f"x{n}", requirements="inner") for n in range(MOST)]
            builds = [client.images.build(request) for request in requests]
            started = [next(build) for build in builds]
            code, _ = refusal(lambda: list(client.images.build(image_pb.BuildImageRequest(requirements="inner"))))
            response = client.execute(python("print('hello')", collect=["**"]))
            fcntl.flock(lock, fcntl.LOCK_UN)
            names = [list(build)[-1].image.name for build in builds]

        assert [f"x{n}" for n in range(MOST)] == names
        assert {"waiting for another build"} == {event.progress for event in started}
        assert grpc.StatusCode.RESOURCE_EXHAUSTED is code
        assert (pb.VERDICT_OK, b"hello\n") == (response.verdict, response.run.stdout.data)
    finally:
        server.close()
