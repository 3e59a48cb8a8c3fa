"""Pushing to a registry that errs: a fake one in this process, whose uploads can be continued."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from sandboxd.images.blobs import Blobs, digest_of
from sandboxd.images.oci.credentials import Credentials, Keyring
from sandboxd.images.oci.reference import parse_reference
from sandboxd.images.oci.registry import RegistryClient
from sandboxd.images.oci.registry_errors import (
    NotVerified,
    RegistryError,
    RegistryRefused,
    RegistryUnavailable,
    Unauthorized,
)
from sandboxd.images.oci.registry_settings import RegistrySettings
from tests.oci_images import image, layer, put
from tests.webserver import FakeRegistry, Reply, Request

KIB = 1 << 10
LAYER = layer("first", 300 * KIB)
BIG = digest_of(LAYER[0])
IMAGE = image([LAYER])
MANIFEST = list(IMAGE)[-1]
# One blob at a time: the layer is the last, and what a test says of PATCH is said of it.
SETTINGS = RegistrySettings(attempts=4, backoff_s=0.001, chunk_bytes=100 * KIB, parallel=1)


class Uploads(FakeRegistry):
    """A registry whose uploads are numbered, and change their address with each answer."""

    def __init__(self) -> None:
        super().__init__()
        self.uploads: dict[str, bytes] = {}
        self.lengths: dict[str, str] = {}
        """Further headers of the answer that begins an upload."""
        self.before = lambda _: None
        self.instead = self._upload

    def _upload(self, request: Request) -> Reply | None:
        if (reply := self.before(request)) is not None:
            return reply
        if request.method == "POST":
            number = str(len(self.uploads))
            self.uploads[number] = b""
            return Reply(202, headers={"Location": self._location(number), **self.lengths})
        found = re.match(r"/v2/some/image/blobs/uploads/(\d+)\?state=(\d+)", request.path)
        if not found:
            return None
        number = found[1]
        if number not in self.uploads:
            return Reply(404)
        held = self.uploads[number]
        if request.method == "GET":
            return Reply(204, headers={"Location": self._location(number), "Range": f"0-{max(len(held) - 1, 0)}"})
        if request.method == "PATCH" and not request.headers["Content-Range"].startswith(f"{len(held)}-"):
            return Reply(416)
        return self.take(request, number, request.body)

    def take(self, request: Request, number: str, data: bytes) -> Reply:
        self.uploads[number] += data
        held = self.uploads[number]
        if request.method == "PATCH":
            return Reply(202, headers={"Location": self._location(number), "Range": f"0-{len(held) - 1}"})
        (digest,) = parse_qs(request.path)["digest"]
        if digest_of(held) != digest:
            return Reply(400, b'{"errors": [{"code": "DIGEST_INVALID"}]}')
        self.blobs[digest] = held
        return Reply(201)

    def _location(self, number: str) -> str:
        return f"/v2/some/image/blobs/uploads/{number}?state={len(self.uploads[number])}"


@pytest.fixture
def registry() -> Iterator[Uploads]:
    registry = Uploads()
    with registry.running():
        yield registry


@pytest.fixture
def source(tmp_path: Path) -> Blobs:
    blobs = Blobs(tmp_path)
    put(blobs, IMAGE)
    return blobs


def push(registry: Uploads, source: Blobs, settings: RegistrySettings = SETTINGS, **more: object) -> None:
    keyring = more.pop("keyring", None)
    with RegistryClient(settings, keyring) as client:
        client.push(parse_reference(f"{registry.address}/some/image:v1"), source, MANIFEST, **more)


def has_all(registry: Uploads) -> bool:
    return registry.manifests["v1"] == IMAGE[MANIFEST] and all(
        registry.blobs[digest] == data for digest, data in IMAGE.items() if digest != MANIFEST
    )


def ranges(registry: Uploads) -> list[str]:
    return [request.headers["Content-Range"] for request in registry.asked("PATCH")]


def test_a_blob_goes_in_pieces_and_its_name_last(registry: Uploads, source: Blobs) -> None:
    push(registry, source)

    assert has_all(registry)
    size = len(LAYER[0])
    assert ranges(registry) == ["0-102399", "102400-204799", "204800-307199", f"307200-{size - 1}"]
    assert registry.requests[-1].path == "/v2/some/image/manifests/v1"
    assert registry.requests[-1].headers["Content-Type"] == "application/vnd.oci.image.manifest.v1+json"


def test_a_small_blob_goes_at_once(registry: Uploads, source: Blobs) -> None:
    push(registry, source, RegistrySettings())

    assert has_all(registry)
    assert ranges(registry) == []
    sent = sorted(len(request.body) for request in registry.asked("PUT", "digest="))
    assert sent == sorted(len(data) for digest, data in IMAGE.items() if digest != MANIFEST)


def test_pieces_are_as_large_as_the_registry_wants_them(registry: Uploads, source: Blobs) -> None:
    registry.lengths = {"OCI-Chunk-Min-Length": "200000"}
    push(registry, source)

    assert has_all(registry)
    assert ranges(registry) == ["0-199999", f"200000-{len(LAYER[0]) - 1}"]


def test_pieces_of_a_length_of_thousands_of_digits_are_refused(registry: Uploads, source: Blobs) -> None:
    """Python reads no number of so many."""
    registry.lengths = {"OCI-Chunk-Min-Length": "9" * 5000}

    with pytest.raises(RegistryRefused, match=r"some/image: an answer whose OCI-Chunk-Min-Length is '999.*…'"):
        push(registry, source)


def test_an_upload_that_breaks_off_is_continued_where_the_registry_is(registry: Uploads, source: Blobs) -> None:
    broken = []

    def before(request: Request) -> Reply | None:
        if request.method == "PATCH" and len(registry.asked("PATCH")) == 2 and not broken:
            broken.append(request)
            number = re.search(r"uploads/(\d+)", request.path)[1]
            registry.uploads[number] += request.body[:1000]
            return Reply(202, cut=0, headers={"Content-Length": "5"})
        return None

    registry.before = before
    push(registry, source)

    assert has_all(registry)
    # Of the second piece it has the first thousand bytes.
    assert ranges(registry)[1:3] == ["102400-204799", "103400-205799"]
    assert len(registry.asked("POST")) == len(IMAGE) - 1


def test_a_registry_that_took_less_is_sent_the_rest(registry: Uploads, source: Blobs) -> None:
    def take(request: Request, number: str, data: bytes) -> Reply:
        return Uploads.take(registry, request, number, data[:90_000] if request.method == "PATCH" else data)

    registry.take = take
    push(registry, source)

    assert has_all(registry)
    assert ranges(registry)[:2] == ["0-102399", "90000-192399"]


def test_an_upload_that_is_lost_is_begun_anew(registry: Uploads, source: Blobs) -> None:
    def before(request: Request) -> None:
        if request.method == "PATCH" and len(registry.asked("PATCH")) == 3:
            registry.uploads.pop("1", None)
            registry.uploads["gone"] = b""  # numbers are not used twice

    registry.before = before
    push(registry, source)

    assert has_all(registry)
    assert ranges(registry)[2:4] == ["204800-307199", "0-102399"]


def test_an_upload_that_is_elsewhere_is_continued_there(registry: Uploads, source: Blobs) -> None:
    def before(request: Request) -> None:
        if request.method == "PATCH" and len(registry.asked("PATCH")) == 3:
            registry.uploads["1"] = LAYER[0][:1000]

    registry.before = before
    push(registry, source)

    assert has_all(registry)
    assert ranges(registry)[2:4] == ["204800-307199", "1000-103399"]


def test_uploads_are_not_tried_for_ever(registry: Uploads, source: Blobs) -> None:
    registry.before = lambda request: Reply(503) if request.method == "PATCH" else None

    with pytest.raises(RegistryUnavailable, match="some/image: the registry answers 503"):
        push(registry, source)
    assert len(registry.asked("PATCH")) == SETTINGS.attempts
    assert "v1" not in registry.manifests


def test_a_blob_that_the_registry_takes_for_another_is_not_verified(registry: Uploads, source: Blobs) -> None:
    def take(request: Request, number: str, data: bytes) -> Reply:
        return Uploads.take(registry, request, number, data.replace(b"\0", b"\1"))

    registry.take = take

    with pytest.raises(NotVerified, match=r"did not take the blob .*DIGEST_INVALID"):
        push(registry, source)


def test_a_manifest_that_the_registry_takes_for_another_is_not_verified(registry: Uploads, source: Blobs) -> None:
    said = {"Docker-Content-Digest": "sha256:" + "0" * 64}
    registry.before = lambda request: (
        Reply(201, headers=said) if request.method == "PUT" and "/manifests/" in request.path else None
    )

    with pytest.raises(NotVerified, match=f"the registry took {MANIFEST} for sha256:0000"):
        push(registry, source)


@pytest.mark.parametrize(("status", "error"), [(403, Unauthorized), (405, RegistryRefused), (413, RegistryRefused)])
def test_what_the_registry_does_not_want_is_not_tried_again(
    registry: Uploads, source: Blobs, status: int, error: type[RegistryError]
) -> None:
    registry.before = lambda request: Reply(status) if request.method == "POST" else None

    with pytest.raises(error, match=f"{status} to POST /v2/some/image/blobs/uploads/"):
        push(registry, source)
    assert len(registry.asked("POST")) == 1


def test_an_upload_without_an_address_is_refused(registry: Uploads, source: Blobs) -> None:
    registry.before = lambda request: Reply(202) if request.method == "POST" else None

    with pytest.raises(RegistryRefused, match="names no address to go on at"):
        push(registry, source)


def test_a_body_is_sent_again_with_credentials(registry: Uploads, source: Blobs) -> None:
    def before(request: Request) -> Reply | None:
        refuses = request.method == "PUT" and "digest=" in request.path
        if refuses and request.headers.get("Authorization") is None:
            return Reply(401, headers={"WWW-Authenticate": "Basic realm=x"})
        return None

    registry.before = before
    keyring = Keyring({registry.address: Credentials(username="me", password="hunter2")})
    push(registry, source, RegistrySettings(attempts=1), keyring=keyring)

    assert has_all(registry)


@pytest.mark.parametrize("status", [403, 400])
def test_a_blob_that_may_not_be_mounted_is_sent(registry: Uploads, source: Blobs, status: int) -> None:
    registry.before = lambda request: Reply(status) if "/v2/secret/" in request.path else None

    push(registry, source, mount_from=["secret/image"])

    assert has_all(registry)
    assert [request.path for request in registry.asked("POST")] == ["/v2/some/image/blobs/uploads/"] * 2


def test_a_registry_that_does_not_mount_is_sent_the_blob_in_the_upload_that_it_began(
    registry: Uploads, source: Blobs
) -> None:
    registry.before = lambda request: Reply() if request.method == "HEAD" and "/v2/other/" in request.path else None

    push(registry, source, mount_from=["other/image"])

    assert has_all(registry)
    posts = [parse_qs(request.path.partition("?")[2]) for request in registry.asked("POST")]
    assert {"mount": [BIG], "from": ["other/image"]} in posts
    assert len(posts) == 2
