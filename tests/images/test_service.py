"""ImageService between servers, registries and files: each server has a store of its own, and the image is small."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import threading

import grpc
import pytest

from sandboxd.client import SandboxClient
from sandboxd.images import errand
from sandboxd.service import image_transfers
from sandboxd.service.background import MOST
from sandboxd.service.image_transfers import ImageTransfers
from sandboxd.v1 import execution_service_pb2 as pb
from sandboxd.v1 import image_service_pb2 as image_pb
from tests.api.conftest import ServerThread, command
from tests.cli.conftest import call
from tests.image_store import put
from tests.images.registries import docker_registry, proxy_to
from tests.observe import wait_for
from tests.slowness import SLOWNESS


@pytest.fixture
def archive(small_root):
    """The root of a small image as a tar archive."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(small_root, arcname=".")
    return data.getvalue()


@pytest.fixture
def servers(tmp_path):
    """Start servers, each with a store that has the default image and nothing else; they end with the test."""
    started = []

    def start(**options):
        state = tmp_path / f"state{len(started)}"
        store = state / "images"
        store.mkdir(parents=True)
        put(store, "default")
        started.append(ServerThread(listen=f"unix:{state}/socket", state_dir=state, **options))
        return started[-1].app.address

    yield start
    for server in started:
        server.close()


@pytest.fixture
def clients(servers):
    """Clients of such servers."""
    open_ones = []

    def client(**options):
        open_ones.append(SandboxClient(servers(**options)))
        return open_ones[-1]

    yield client
    for one in open_ones:
        one.close()


@pytest.fixture
def registry(tmp_path):
    """The address of a registry."""
    with docker_registry(tmp_path / "registry") as address:
        yield address


def hello(client, image):
    """Run a command in an image; returns what it said."""
    response = client.execute(command("/bin/sh", "-c", "echo hello", image=image))
    assert pb.VERDICT_OK == response.verdict
    return response.run.stdout.data


def last(events):
    """Return the last of them, and what was told before."""
    *told, end = events
    return end, told


def refused(call, *arguments, **options):
    """Return the status and words of a refusal."""
    with pytest.raises(grpc.RpcError) as error:
        list(call(*arguments, **options))
    return error.value.code(), error.value.details()


def test_an_image_goes_from_server_to_server_by_a_registry(clients, registry, archive):
    one, two = clients(), clients()
    one.images.take("small", io.BytesIO(archive))

    pushed, told = last(one.images.push("small", f"{registry}/team/small:1.2"))
    pulled, _ = last(two.images.pull(f"{registry}/team/small:1.2"))
    by_digest, _ = last(two.images.pull(f"{registry}/team/small@{pushed.manifest_digest}", "again"))

    assert any(event.HasField("transfer") for event in told)
    assert "small:1.2" == pulled.image.name
    assert pushed.manifest_digest == pulled.image.origin.manifest_digest == by_digest.image.origin.manifest_digest
    assert f"{registry}/team/small:1.2" == pulled.image.origin.reference
    assert b"hello\n" == hello(two, "small:1.2") == hello(two, "again")
    assert pulled.image.digest == by_digest.image.digest == one.images.get("small").digest


def test_layers_that_a_registry_has_in_another_repository_are_not_sent(clients, registry, archive):
    one, two = clients(), clients()
    one.images.take("small", io.BytesIO(archive))
    with proxy_to(registry) as proxy:
        list(one.images.push("small", f"{proxy.address}/team/small"))
        list(two.images.pull(f"{proxy.address}/team/small"))
        sent = len(proxy.asked("PATCH", ""))
        pushed, _ = last(two.images.push("small", f"{proxy.address}/mine/small"))

        mounted = proxy.asked("POST", "/v2/mine/small/blobs/uploads/?mount=")
        assert (True, sent) == (bool(mounted), len(proxy.asked("PATCH", "")))
    pulled, _ = last(one.images.pull(f"{registry}/mine/small", "again"))
    assert pushed.manifest_digest == pulled.image.origin.manifest_digest


def test_what_is_here_is_not_fetched_again(clients, registry, archive, tmp_path):
    client = clients()
    client.images.take("small", io.BytesIO(archive))
    list(client.images.push("small", f"{registry}/small"))

    _, told = last(client.images.pull(f"{registry}/small", "again"))

    assert "it is here already" == told[-1].progress
    store = tmp_path / "state0" / "images"
    assert (store / "small").readlink() == (store / "again").readlink()
    assert all(event.transfer.done_bytes == event.transfer.size_bytes for event in told if event.HasField("transfer"))
    assert b"hello\n" == hello(client, "again")


def test_an_image_goes_by_a_file(clients, archive, tmp_path):
    one, two = clients(), clients()
    one.images.take("small", io.BytesIO(archive))
    file = tmp_path / "small.tar"

    file.write_bytes(b"".join(one.images.save("small")))
    with file.open("rb") as saved:
        response = two.images.take("other", saved)

    said = subprocess.run(["skopeo", "inspect", f"oci-archive:{file}"], capture_output=True, check=True)
    assert one.images.get("small").origin.manifest_digest == json.loads(said.stdout)["Digest"]
    assert one.images.get("small").digest == response.image.digest
    assert b"hello\n" == hello(two, "other")


def test_an_image_whose_name_is_no_reference_goes_by_a_file(clients, archive):
    """Whoever takes it in names it anyway."""
    client = clients()
    client.images.take("small._1", io.BytesIO(archive))

    file = b"".join(client.images.save("small._1"))

    assert client.images.take("again", io.BytesIO(file)).image.digest == client.images.get("small._1").digest


@pytest.mark.parametrize("wanted", ["a" * 1025, "ä" * 200_000])
def test_a_wanted_image_has_a_name_of_some_length(clients, archive, wanted):
    assert (grpc.StatusCode.INVALID_ARGUMENT, "wanted: more than 1024 characters") == refused(
        clients().images.take, "small", io.BytesIO(archive), wanted=wanted
    )


_SAVE = image_pb.SaveImageRequest(name="default")


@pytest.fixture
def large(monkeypatch):
    """Have every image be one that no client's buffers hold."""
    monkeypatch.setattr(ImageTransfers, "_write", lambda _self, _image, file, **_: file.write(bytes(32 << 20)))


def test_archives_that_nobody_reads_keep_nothing_from_being_done(clients, large):
    client = clients()
    unread = [client.images.stub.SaveImage(_SAVE) for _ in range(MOST)]
    for reader in unread:
        next(reader)

    client.images.tag("default", "other")
    code, details = refused(client.images.save, "default")
    for reader in unread:
        reader.cancel()

    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "so many archives are being read already") == (code, details)
    wait_for(lambda: had(lambda: list(client.images.save("default"))))


def had(call):
    """Return what a call gives; None where it is refused because there are so many."""
    try:
        return call()
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return None


def test_an_archive_that_nobody_reads_is_given_up(clients, large, monkeypatch):
    monkeypatch.setattr(image_transfers, "STILL_S", SLOWNESS)
    client = clients()
    unread = [client.images.stub.SaveImage(_SAVE) for _ in range(MOST)]
    for reader in unread:
        next(reader)

    wait_for(lambda: had(lambda: list(client.images.save("default"))))

    for reader in unread:
        code, details = refused(lambda reader=reader: reader)
        assert (grpc.StatusCode.ABORTED, f"nothing of the file was taken for {SLOWNESS} s") == (code, details)


def test_a_file_that_does_not_come_is_given_up(clients, archive, monkeypatch):
    monkeypatch.setattr(image_transfers, "STILL_S", SLOWNESS)
    client, over = clients(), threading.Event()

    def messages():
        yield image_pb.ImportImageRequest(start=image_pb.ImportStart(name="small"))
        yield image_pb.ImportImageRequest(data=archive[:1000])
        over.wait()

    try:
        unsent = [client.images.stub.ImportImage.future(messages()) for _ in range(MOST)]
        for call in unsent:
            error = call.exception(timeout=30 * SLOWNESS)
            assert (grpc.StatusCode.ABORTED, f"less than 1 MiB of the file came in {SLOWNESS} s") == (
                error.code(),
                error.details(),
            )
    finally:
        over.set()

    assert "small" == client.images.take("small", io.BytesIO(archive)).image.name


def test_who_goes_does_not_make_room(clients, archive, monkeypatch):
    """What goes on in a call's name has its place until it is done."""
    begun, over = [], threading.Event()

    def write(*_, **__):
        begun.append(None)
        assert over.wait(60 * SLOWNESS)

    monkeypatch.setattr(ImageTransfers, "_write", write)
    client = clients()
    try:
        while len(begun) < MOST:
            with pytest.raises(grpc.RpcError):
                list(client.images.stub.SaveImage(_SAVE, timeout=0.1))
        codes = [refused(client.images.save, "default")[0] for _ in range(MOST)]
    finally:
        over.set()

    assert {grpc.StatusCode.RESOURCE_EXHAUSTED} == set(codes)
    assert MOST == len(begun)
    wait_for(lambda: had(lambda: client.images.take("small", io.BytesIO(archive))))


def test_what_nobody_needs_is_pruned(clients, archive, tmp_path):
    client = clients()
    for name in ("small", "other"):
        client.images.take(name, io.BytesIO(archive))
    blobs = tmp_path / "state0" / "images" / ".blobs" / "sha256"

    client.images.remove("small")
    client.images.prune()
    kept = len(list(blobs.iterdir()))
    client.images.remove("other")
    freed = client.images.prune()

    assert 3 == kept
    assert [] == list(blobs.iterdir())
    assert freed > len(archive) / 4
    assert ["default"] == [image.name for image in client.images.list()]


def test_a_root_is_exported(clients, archive):
    client = clients()
    client.images.take("small", io.BytesIO(archive))

    with tarfile.open(fileobj=io.BytesIO(b"".join(client.images.save("small", as_root=True)))) as tar:
        names = {name.removeprefix("./") for name in tar.getnames()}

    assert "bin/sh" in names or "usr/bin/sh" in names


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"nothing", grpc.StatusCode.FAILED_PRECONDITION),
        (b"\x1f\x8b" + bytes(100), grpc.StatusCode.FAILED_PRECONDITION),
        (b"", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_a_file_that_is_no_image_is_refused(clients, data, code):
    client = clients()

    with pytest.raises(grpc.RpcError) as error:
        client.images.take("small", io.BytesIO(data))

    assert code is error.value.code(), error.value.details()
    assert ["default"] == [image.name for image in client.images.list()]


def test_whoever_takes_an_image_in_may_die(clients, archive, monkeypatch, tmp_path):
    """The server says so, and the images are what they were."""
    client = clients()
    monkeypatch.setattr(errand.sys, "executable", str(tmp_path / "python"))
    (tmp_path / "python").write_text("#!/bin/sh\necho it is over >&2\nkill -KILL $$\n")
    (tmp_path / "python").chmod(0o755)

    with pytest.raises(grpc.RpcError) as error:
        client.images.take("small", io.BytesIO(archive))

    assert grpc.StatusCode.INTERNAL is error.value.code()
    assert "taking the image in ended early, with status" in error.value.details()
    assert "it is over" in error.value.details()
    assert ["default"] == [image.name for image in client.images.list()]


def test_and_does_so_before_all_others_where_memory_runs_out(monkeypatch, tmp_path):
    monkeypatch.setattr(errand.commands, "PACKAGE_PARENT", f"{errand.commands.PACKAGE_PARENT}:{tmp_path}")
    (tmp_path / "teller.py").write_text(
        "from pathlib import Path\nfrom sandboxd.images.errand import obey\n"
        "obey(lambda order, progress: progress(Path('/proc/self/oom_score_adj').read_text()))\n"
    )
    told = []

    errand.send("teller", {}, told.append)

    assert told == ["1000\n"]


def test_an_import_that_breaks_off_leaves_nothing(clients, archive, tmp_path):
    client = clients()

    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError("the disk of the client is gone")

    with pytest.raises(Exception, match=r".*"):
        client.images.take("small", Broken(archive))

    assert ["default"] == [image.name for image in client.images.list()]
    left = {path.name for path in (tmp_path / "state0" / "images").iterdir()}
    assert not {name for name in left if name.startswith((".work", "tmp"))}


def test_a_registry_with_passwords(clients, archive, tmp_path):
    passwords = subprocess.run(["htpasswd", "-nbB", "me", "secret"], capture_output=True, check=True).stdout
    (tmp_path / "htpasswd").write_bytes(passwords)
    auth_file = tmp_path / "config.json"
    with docker_registry(tmp_path / "closed", auth={"realm": "x", "path": str(tmp_path / "htpasswd")}) as address:
        client = clients(registry_auth_file=auth_file)
        auth_file.write_text("{}")
        client.images.take("small", io.BytesIO(archive))

        code, details = refused(client.images.push, "small", f"{address}/small")
        assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (code, "no credentials are given" in details)
        wrong = image_pb.RegistryAuth(username="me", password="guess")
        code, details = refused(client.images.push, "small", f"{address}/small", auth=wrong)
        assert (grpc.StatusCode.FAILED_PRECONDITION, False) == (code, "guess" in details)

        mine = image_pb.RegistryAuth(username="me", password="secret")
        list(client.images.push("small", f"{address}/small", auth=mine))
        auth_file.write_text(json.dumps({"auths": {address: {"auth": "bWU6c2VjcmV0"}}}))
        pulled, _ = last(client.images.pull(f"{address}/small", "again"))
        assert "again" == pulled.image.name


@pytest.mark.parametrize(
    ("reference", "code", "words"),
    [
        ("A/B", grpc.StatusCode.INVALID_ARGUMENT, "reference: "),
        ("", grpc.StatusCode.INVALID_ARGUMENT, "reference: "),
        ("{registry}/nothing", grpc.StatusCode.NOT_FOUND, "nothing"),
        ("{registry}/nothing:a__b", grpc.StatusCode.NOT_FOUND, "nothing"),
    ],
)
def test_what_cannot_be_pulled_says_why(clients, registry, reference, code, words):
    found = refused(clients().images.pull, reference.format(registry=registry))

    assert (code, True) == (found[0], words in found[1])


def test_clients_cannot_where_images_are_fixed(clients, archive):
    client = clients(manage_images=False)

    for attempt in (
        lambda: list(client.images.pull("small")),
        lambda: list(client.images.push("default", "127.0.0.1:1/x")),
        lambda: client.images.take("small", io.BytesIO(archive)),
    ):
        with pytest.raises(grpc.RpcError) as error:
            attempt()
        assert grpc.StatusCode.PERMISSION_DENIED is error.value.code()


def test_by_the_command_line(servers, registry, archive, tmp_path):
    server = servers()
    file, saved, root = tmp_path / "root.tar", tmp_path / "saved.tar", tmp_path / "exported.tar"
    file.write_bytes(archive)

    assert b"small\n" == call("image", "import", str(file), "small", server=server).stdout
    pushed = call("image", "push", "small", f"{registry}/small:v1", server=server)
    assert (0, True) == (pushed.returncode, pushed.stdout.startswith(b"sha256:"))
    pulled = call("image", "pull", f"{registry}/small:v1", server=server)
    assert (0, b"small:v1\n") == (pulled.returncode, pulled.stdout)
    assert 0 == call("image", "save", "small", "-o", str(saved), server=server).returncode
    assert 0 == call("image", "export", "small", "-o", str(root), server=server).returncode
    assert tarfile.is_tarfile(saved)
    assert tarfile.is_tarfile(root)
    assert b"CREATED" in call("image", "history", "small", server=server).stdout
    assert b"hello\n" == call("run", "--image", "small:v1", "--", "/bin/sh", "-c", "echo hello", server=server).stdout
    missing = call("image", "pull", f"{registry}/nothing", server=server)
    assert (125, True) == (missing.returncode, missing.stderr.startswith(b"sandboxd: NOT_FOUND: "))
