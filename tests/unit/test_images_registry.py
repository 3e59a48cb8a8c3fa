"""Pulling from a registry that errs, lies or wants to know who asks: a fake one in this process."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxd.images.blobs import Blobs, digest_of
from sandboxd.images.oci.credentials import Credentials, Keyring
from sandboxd.images.oci.media import OCI_MANIFEST, Platform
from sandboxd.images.oci.pace import Pace, TooSlow
from sandboxd.images.oci.reference import Reference, parse_reference
from sandboxd.images.oci.registry import RegistryClient
from sandboxd.images.oci.registry_errors import (
    BrokenOff,
    NotInRegistry,
    NotVerified,
    RegistryError,
    RegistryRefused,
    RegistryUnavailable,
    TlsRefused,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from sandboxd.images.oci.registry_settings import RegistrySettings
from tests import certificates
from tests.oci_images import contents, image, index, layer
from tests.slowness import SLOWNESS
from tests.webserver import FakeRegistry, Reply, Request, WebServer, fake_registry

MIB = 1 << 20
LAYER = layer("first", 3 * MIB)
IMAGE = image([LAYER, layer("second", 1000)])
MANIFEST = list(IMAGE)[-1]
BIG = digest_of(LAYER[0])
QUICK = RegistrySettings(attempts=4, backoff_s=0.001, silence_timeout_s=5)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry() as registry:
        registry.blobs.update(IMAGE)
        registry.manifests.update({"latest": IMAGE[MANIFEST], MANIFEST: IMAGE[MANIFEST]})
        yield registry


def named(registry: WebServer, rest: str = "") -> Reference:
    return parse_reference(f"{registry.address}/some/image{rest}")


def pull(registry: WebServer, blobs: Blobs, settings: RegistrySettings = QUICK, keyring: Keyring | None = None) -> str:
    with RegistryClient(settings, keyring) as client:
        return client.pull(named(registry), blobs).digest


def once(reply: Reply, method: str, path: str, times: int = 1):
    """Return what answers the first requests for a path with a reply."""
    left = [reply] * times

    def instead(request: Request) -> Reply | None:
        return left.pop() if request.method == method and path in request.path and left else None

    return instead


def test_an_image_is_pulled_by_tag_and_by_digest(registry: FakeRegistry, blobs: Blobs, tmp_path: Path) -> None:
    assert pull(registry, blobs) == MANIFEST
    assert contents(blobs, list(IMAGE)) == IMAGE

    other = Blobs(tmp_path / "other")
    with RegistryClient(QUICK) as client:
        client.pull(named(registry, f"@{MANIFEST}"), other)
    assert contents(other, list(IMAGE)) == IMAGE


def test_what_is_there_is_not_fetched(registry: FakeRegistry, blobs: Blobs) -> None:
    pull(registry, blobs)
    pull(registry, blobs)

    assert len(registry.asked("GET", "/blobs/")) == len(IMAGE) - 1


def test_progress_is_told_up_to_the_whole(registry: FakeRegistry, blobs: Blobs) -> None:
    told: list[tuple[str, int, int]] = []
    with RegistryClient(QUICK) as client:
        client.pull(named(registry), blobs, progress=lambda *what: told.append(what))

    steps = [done for digest, done, size in told if digest == BIG and size == len(LAYER[0])]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, len(LAYER[0]))
    assert len(steps) > 3
    assert {digest for digest, done, size in told if done == size} == set(IMAGE) - {MANIFEST}


def test_a_pull_that_progress_ends_is_continued_by_the_next(registry: FakeRegistry, blobs: Blobs) -> None:
    def enough(digest: str, done: int, size: int) -> None:
        if digest == BIG and done >= MIB:
            raise KeyboardInterrupt

    with RegistryClient(QUICK) as client, pytest.raises(KeyboardInterrupt):
        client.pull(named(registry), blobs, progress=enough)
    assert not blobs.has(BIG)
    registry.requests.clear()
    pull(registry, blobs)

    (request,) = registry.asked("GET", BIG)
    assert int(request.headers["Range"].removeprefix("bytes=").removesuffix("-")) >= MIB
    assert contents(blobs, list(IMAGE)) == IMAGE


def test_a_blob_that_breaks_off_is_resumed_where_it_did(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.instead = once(Reply(200, LAYER[0], cut=1_000_000), "GET", BIG)

    pull(registry, blobs)

    assert [request.headers["Range"] for request in registry.asked("GET", BIG)] == [None, "bytes=1000000-"]
    assert contents(blobs, list(IMAGE)) == IMAGE


def test_a_registry_that_knows_no_ranges_is_read_from_the_beginning(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.ranges = False
    registry.instead = once(Reply(200, LAYER[0], cut=1_000_000), "GET", BIG, times=2)

    pull(registry, blobs)

    assert [request.headers["Range"] for request in registry.asked("GET", BIG)] == [
        None,
        "bytes=1000000-",
        "bytes=1000000-",
    ]
    assert contents(blobs, list(IMAGE)) == IMAGE


def test_what_another_process_has_left_is_thrown_away_if_it_is_not_the_beginning(
    registry: FakeRegistry, blobs: Blobs
) -> None:
    partial = blobs.path(BIG).with_suffix(".partial")
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"x" * 5000)

    pull(registry, blobs)

    assert [request.headers["Range"] for request in registry.asked("GET", BIG)] == ["bytes=5000-", None]
    assert contents(blobs, list(IMAGE)) == IMAGE


def test_a_drip_ends(registry: FakeRegistry, blobs: Blobs) -> None:
    def drip(request: Request) -> Reply | None:
        if BIG not in request.path or len(registry.asked("GET", BIG)) > 10 * QUICK.attempts:
            return None
        whole = registry.part(request, LAYER[0])
        return Reply(whole.status, whole.body, whole.headers, cut=1)

    registry.instead = drip

    with pytest.raises(BrokenOff, match=f"{registry.address}/some/image: the connection broke off"):
        pull(registry, blobs)
    assert len(registry.asked("GET", BIG)) == QUICK.attempts


def test_tries_that_bring_much_are_not_counted(registry: FakeRegistry, blobs: Blobs) -> None:
    def cut(request: Request) -> Reply | None:
        whole = registry.part(request, LAYER[0])
        return Reply(whole.status, whole.body, whole.headers, cut=MIB) if BIG in request.path else None

    registry.instead = cut
    settings = RegistrySettings(attempts=2, backoff_s=0.001)

    pull(registry, blobs, settings)

    assert len(registry.asked("GET", BIG)) == 4  # of 3 MiB and a little


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_registry_that_is_busy_is_asked_again(registry: FakeRegistry, blobs: Blobs, status: int) -> None:
    registry.instead = once(Reply(status), "GET", "/manifests/", times=3)

    assert pull(registry, blobs) == MANIFEST


def test_a_registry_that_stays_busy_is_not_asked_for_ever(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.instead = lambda request: Reply(503)

    with pytest.raises(RegistryUnavailable, match="some/image: the registry answers 503"):
        pull(registry, blobs)
    assert len(registry.asked("GET", "/manifests/")) == QUICK.attempts


def test_a_registry_says_when_to_come_back(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.instead = once(Reply(429, headers={"Retry-After": "1"}), "GET", "/manifests/")
    begun = time.monotonic()

    pull(registry, blobs)

    assert time.monotonic() - begun >= 1


def test_a_registry_that_says_much_later_is_not_waited_for(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.instead = lambda request: Reply(429, headers={"Retry-After": "2"}) if "/manif" in request.path else None

    with pytest.raises(RegistryUnavailable, match="429 and asks to come back in 2 s") as raised:
        pull(registry, blobs, RegistrySettings(longest_wait_s=1))

    assert raised.value.retry_after_s == 2
    assert len(registry.asked("GET", "/manifests/")) == 1


# Long enough for all that is not dripped, on a machine with other work.
DRIPPING = RegistrySettings(attempts=2, backoff_s=0.001, stretch_s=SLOWNESS, least_bytes=1000, head_timeout_s=SLOWNESS)


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Ends the drip."""
    event = threading.Event()
    yield event
    event.set()


def test_a_drip_ends_a_request_and_is_resumed(registry: FakeRegistry, blobs: Blobs, over: threading.Event) -> None:
    """As often as any other failure; and what has come is kept."""
    registry.instead = lambda request: Reply(200, LAYER[0], cut=100, drip=over) if BIG in request.path else None

    with pytest.raises(BrokenOff, match=r"some/image: less than 1000 bytes came in \S+ s"):
        pull(registry, blobs, DRIPPING)

    first, second = (request.headers["Range"] for request in registry.asked("GET", BIG))
    assert first is None
    assert int(second.removeprefix("bytes=").removesuffix("-")) > 100


def test_who_waits_for_a_blob_that_drips_gets_its_turn(
    registry: FakeRegistry, blobs: Blobs, over: threading.Event
) -> None:
    dripping, ended = threading.Event(), list[str]()

    def drip(request: Request) -> Reply | None:
        if BIG not in request.path:
            return None
        dripping.set()
        return Reply(200, LAYER[0], cut=100, drip=over)

    registry.instead = drip

    def pull_slowly() -> None:
        with pytest.raises(BrokenOff):
            pull(registry, blobs, DRIPPING)
        ended.append("slow")

    with fake_registry() as other:
        other.blobs, other.manifests = registry.blobs, registry.manifests
        thread = threading.Thread(target=pull_slowly)
        thread.start()
        assert dripping.wait(10)
        pull(other, blobs)
        ended.append("quick")
        thread.join()

    assert contents(blobs, list(IMAGE)) == IMAGE
    assert sorted(ended) == ["quick", "slow"]
    assert int(other.asked("GET", BIG)[0].headers["Range"].removeprefix("bytes=").removesuffix("-")) > 100


def test_a_head_that_drips_ends_a_request(registry: FakeRegistry, blobs: Blobs, over: threading.Event) -> None:
    registry.instead = lambda request: Reply(drip_head=over) if BIG in request.path else None

    with pytest.raises(BrokenOff, match=r"some/image: the head of an answer took more than \S+ s"):
        pull(registry, blobs, DRIPPING)


def test_a_head_that_drips_over_tls_ends_a_request(blobs: Blobs, over: threading.Event, tmp_path: Path) -> None:
    """Each try is a connection that ends in the middle of what is read of TLS."""
    certificates.make(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    server = FakeRegistry(context)
    server.instead = lambda request: Reply(drip_head=over) if "/manifests/" in request.path else None
    settings = dataclasses.replace(DRIPPING, ca_file=tmp_path / "ca.pem")
    name = parse_reference(f"localhost:{server.address.partition(':')[2]}/some/image")

    with server.running(), RegistryClient(settings) as client:
        with pytest.raises(BrokenOff, match=r"some/image: the head of an answer took more than \S+ s"):
            client.pull(name, blobs)
        over.set()

    assert len(server.asked("GET", "/manifests/")) == 2


@pytest.mark.parametrize("what", ["drip_end", "drip_size"])
def test_what_frames_a_body_and_drips_ends_a_request(
    registry: FakeRegistry, blobs: Blobs, over: threading.Event, what: str
) -> None:
    """The pace of a body is measured from piece to piece, and here the next one never comes."""
    registry.instead = lambda request: Reply(body=b"{}", **{what: over}) if "/manifests/" in request.path else None
    ended: list[BaseException | None] = []

    def pull_it() -> None:
        with pytest.raises(BrokenOff, match=r"some/image: a piece of an answer took more than \S+ s") as raised:
            pull(registry, blobs, DRIPPING)
        ended.append(raised.value)

    thread = threading.Thread(target=pull_it, daemon=True)
    thread.start()
    thread.join(20 * SLOWNESS)

    assert len(ended) == 1
    assert len(registry.asked("GET", "/manifests/")) == DRIPPING.attempts


def test_a_whole_blob_is_had_whatever_drips_behind_it(
    registry: FakeRegistry, blobs: Blobs, over: threading.Event
) -> None:
    registry.instead = lambda request: Reply(body=LAYER[0], drip_end=over) if BIG in request.path else None

    pull(registry, blobs, DRIPPING)

    assert contents(blobs, list(IMAGE)) == IMAGE
    assert len(registry.asked("GET", BIG)) == 1


@pytest.mark.parametrize(("pieces", "slow"), [([(500, 1), (500, 1)], False), ([(999, 2)], True), ([(999, 1.9)], False), ([(1000, 2), (10, 1.9)], False), ([(1000, 2), (10, 2)], True)])  # fmt: skip
def test_so_much_has_to_come_in_each_stretch(pieces: list[tuple[int, float]], *, slow: bool) -> None:
    pace = Pace(1000, 2)
    with pytest.raises(TooSlow) if slow else contextlib.nullcontext():
        for piece in pieces:
            pace.came(*piece)


def test_silence_ends_a_request(registry: FakeRegistry, blobs: Blobs) -> None:
    done = threading.Event()
    registry.instead = lambda request: Reply(200, LAYER[0], cut=10, silent=done) if BIG in request.path else None
    settings = RegistrySettings(attempts=2, backoff_s=0.001, silence_timeout_s=0.2)

    try:
        with pytest.raises(BrokenOff, match=r"no byte came for 0\.2 s"):
            pull(registry, blobs, settings)
    finally:
        done.set()


_PULL = """
import sys, threading
from pathlib import Path
from sandboxd.images.blobs import Blobs
from sandboxd.images.oci.reference import parse_reference
from sandboxd.images.oci.registry import RegistryClient

def pull():
    with RegistryClient() as client:
        client.pull(parse_reference(sys.argv[1]), Blobs(Path(sys.argv[2])))

threading.Thread(target=pull, daemon=True).start()
sys.stdin.read()
"""


def test_a_process_that_ends_does_not_wait_for_a_registry(registry: FakeRegistry, tmp_path: Path) -> None:
    asked, done = threading.Event(), threading.Event()

    def hold(request: Request) -> Reply | None:
        if BIG not in request.path:
            return None
        asked.set()
        return Reply(200, LAYER[0], cut=10, silent=done)

    registry.instead = hold
    child = subprocess.Popen([sys.executable, "-c", _PULL, str(named(registry)), str(tmp_path)], stdin=subprocess.PIPE)
    try:
        assert asked.wait(20 * SLOWNESS)
        child.communicate(timeout=10 * SLOWNESS)  # a registry may be silent for 30 s
        assert child.returncode == 0
    finally:
        done.set()
        child.kill()
        child.wait()


def test_a_registry_that_is_not_there_is_unreachable(blobs: Blobs) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with RegistryClient(QUICK) as client, pytest.raises(Unreachable) as raised:
        client.pull(parse_reference(f"{address}/some/image"), blobs)

    assert str(raised.value) == f"{address}/some/image: no connection: Connection refused"


def test_a_name_without_an_address_is_unreachable(blobs: Blobs) -> None:
    with RegistryClient(QUICK) as client, pytest.raises(Unreachable, match="its name has no address"):
        client.pull(parse_reference("registry.invalid/some/image"), blobs)


def test_without_tls_nobody_else_than_loopback_is_spoken_to(blobs: Blobs) -> None:
    with fake_registry() as registry, RegistryClient(QUICK) as client:
        client._endpoint("registry.test")._host = registry.address
        with pytest.raises(TlsRefused, match="no TLS"):
            client.pull(parse_reference("registry.test/some/image"), blobs)
        assert registry.requests == []


def test_a_name_that_is_marked_insecure_may_be_without_tls(registry: FakeRegistry, blobs: Blobs) -> None:
    settings = RegistrySettings(insecure=["registry.test"])
    with RegistryClient(settings) as client:
        client._endpoint("registry.test")._host = registry.address
        assert client.pull(parse_reference("registry.test/some/image"), blobs).digest == MANIFEST


# A server without TLS may wait for the end of a line that a client with TLS does not send.
IMPATIENT = RegistrySettings(backoff_s=0.001, connect_timeout_s=0.5)


def test_nothing_is_concluded_about_tls_while_the_registry_is_away(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.instead = once(Reply(0), "GET", "/v2/")  # the first of all requests

    assert pull(registry, blobs, IMPATIENT) == MANIFEST
    assert [request.path for request in registry.requests[:2]] == ["/v2/", "/v2/"]


def test_a_registry_without_tls_that_answers_400_has_none(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.instead = lambda request: Reply(400) if request.path == "/v2/" else None

    assert pull(registry, blobs, IMPATIENT) == MANIFEST


def test_a_blob_with_another_digest_is_not_in_the_store(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.blobs[BIG] = LAYER[0][:-1] + bytes([LAYER[0][-1] ^ 1])

    with pytest.raises(NotVerified, match=f"some/image: blob {BIG}: what came has another digest"):
        pull(registry, blobs)

    assert not blobs.has(BIG)
    assert not blobs.has(MANIFEST)


@pytest.mark.parametrize("data", [LAYER[0][:-1], LAYER[0] + b"x"], ids=["shorter", "longer"])
def test_a_blob_of_another_size_is_refused(registry: FakeRegistry, blobs: Blobs, data: bytes) -> None:
    registry.blobs[BIG] = data

    with pytest.raises(NotVerified, match=f"has {len(data)} bytes in the registry, not {len(LAYER[0])}"):
        pull(registry, blobs)
    assert not blobs.has(BIG)


def test_a_length_of_thousands_of_digits_is_refused(registry: FakeRegistry, blobs: Blobs) -> None:
    """Python reads no number of so many."""
    headers = {"Content-Length": "9" * 5000}
    registry.instead = lambda request: Reply(200, LAYER[0], headers) if BIG in request.path else None

    with pytest.raises(RegistryRefused, match=r"some/image: an answer whose Content-Length is '999.*…'"):
        pull(registry, blobs)


def test_a_manifest_with_another_digest_is_refused(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.manifests[MANIFEST] = IMAGE[MANIFEST] + b" "

    with RegistryClient(QUICK) as client, pytest.raises(NotVerified, match=f"not {MANIFEST}"):
        client.pull(named(registry, f"@{MANIFEST}"), blobs)


def test_a_manifest_by_tag_is_what_the_registry_says_it_is(registry: FakeRegistry, blobs: Blobs) -> None:
    headers = {"Docker-Content-Digest": "sha256:" + "0" * 64}
    registry.instead = once(Reply(200, IMAGE[MANIFEST], headers), "GET", "/manifests/")

    with pytest.raises(NotVerified, match=f"what came has the digest {MANIFEST}, not sha256:0000"):
        pull(registry, blobs)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"<html>", b'{"schemaVersion": 1}', b"[" * 100_000])
def test_what_is_no_manifest_is_refused(registry: FakeRegistry, blobs: Blobs, data: bytes) -> None:
    registry.manifests["latest"] = data

    with pytest.raises(NotVerified, match="some/image: manifest latest: "):
        pull(registry, blobs)


def test_a_manifest_of_any_size_is_not_read(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.manifests["latest"] = b" " * (5 * MIB)

    with pytest.raises(TooLarge):
        pull(registry, blobs)


def test_an_image_that_is_too_large_is_not_fetched(registry: FakeRegistry, blobs: Blobs) -> None:
    with pytest.raises(TooLarge, match="bytes, where 3145728 are allowed"):
        pull(registry, blobs, RegistrySettings(max_total_bytes=3 * MIB))
    assert registry.asked("GET", "/blobs/") == []


def test_a_size_that_is_wrong_in_the_manifest_is_noticed_where_the_blob_is_there(
    registry: FakeRegistry, blobs: Blobs
) -> None:
    pull(registry, blobs)
    size = str(len(LAYER[0])).encode()
    registry.manifests["latest"] = IMAGE[MANIFEST].replace(size, b"1")

    with pytest.raises(NotVerified, match=f"has {len(LAYER[0])} bytes, not 1"):
        pull(registry, blobs)


def test_an_image_that_is_not_there_is_not_found(registry: FakeRegistry, blobs: Blobs) -> None:
    with RegistryClient(QUICK) as client, pytest.raises(NotInRegistry) as raised:
        client.pull(named(registry, ":other"), blobs)

    path = "/v2/some/image/manifests/other"
    assert str(raised.value) == f"{registry.address}/some/image: not there: 404 to GET {path} (NAME_UNKNOWN)"


def test_a_blob_that_is_not_there_is_not_found(registry: FakeRegistry, blobs: Blobs) -> None:
    del registry.blobs[BIG]

    with pytest.raises(NotInRegistry, match=BIG):
        pull(registry, blobs)


def test_the_image_for_this_platform_is_chosen_from_an_index(registry: FakeRegistry, blobs: Blobs) -> None:
    amd64, arm64 = (Platform(os="linux", architecture=name) for name in ("amd64", "arm64"))
    both = {platform: image([layer(str(platform), 1000)], platform) for platform in (amd64, arm64)}
    everything = index(both)
    registry.blobs.update(everything)
    registry.manifests.update({**everything, "latest": list(everything.values())[-1]})
    with RegistryClient(QUICK) as client:
        for platform, expected in both.items():
            pulled = client.pull(named(registry), blobs, platform=platform)

            assert pulled.digest == list(expected)[-1]
            assert [document.digest for document in pulled.documents] == [list(everything)[-1], pulled.digest]
            assert contents(blobs, list(expected)) == expected
            assert blobs.has(list(everything)[-1])
        with pytest.raises(NotInRegistry, match="no image for linux/s390x; there is linux/amd64, linux/arm64"):
            client.pull(named(registry), blobs, platform=Platform(os="linux", architecture="s390x"))


def test_indexes_within_each_other_have_an_end(registry: FakeRegistry, blobs: Blobs) -> None:
    data = IMAGE[MANIFEST]
    for _ in range(5):
        platform = {"os": "linux", "architecture": "amd64"}
        kind = OCI_MANIFEST if data is IMAGE[MANIFEST] else "application/vnd.oci.image.index.v1+json"
        entry = {"mediaType": kind, "digest": digest_of(data), "size": len(data), "platform": platform}
        data = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        registry.manifests[digest_of(data)] = registry.manifests["latest"] = data

    with RegistryClient(QUICK) as client, pytest.raises(NotVerified, match="more than 3 indexes within each other"):
        client.pull(named(registry), blobs, platform=Platform(os="linux", architecture="amd64"))


def test_two_pulls_of_one_image_fetch_it_once(registry: FakeRegistry, blobs: Blobs) -> None:
    both_resolved = threading.Barrier(2)

    def instead(request: Request) -> Reply | None:
        if "/manifests/" in request.path:
            both_resolved.wait(30)
        return None

    registry.instead = instead
    digests: list[str] = []
    pulls = [threading.Thread(target=lambda: digests.append(pull(registry, blobs))) for _ in range(2)]
    for thread in pulls:
        thread.start()
    for thread in pulls:
        thread.join()

    assert digests == [MANIFEST, MANIFEST]
    assert len(registry.asked("GET", "/blobs/")) == len(IMAGE) - 1


def test_several_blobs_are_fetched_at_once_but_no_more_than_allowed(registry: FakeRegistry, blobs: Blobs) -> None:
    many = image([layer(str(number), 100) for number in range(8)])
    registry.blobs.update(many)
    registry.manifests["latest"] = list(many.values())[-1]
    running, most, lock = 0, 0, threading.Lock()
    # Each waits until there are three. With the config there are nine, so that none is left alone.
    together = threading.Barrier(3)

    def instead(request: Request) -> Reply | None:
        nonlocal running, most
        if "/blobs/" not in request.path:
            return None
        with lock:
            running += 1
            most = max(most, running)
        together.wait(30)
        with lock:
            running -= 1
        return registry.part(request, many[request.path.rpartition("/")[2]])

    registry.instead = instead
    pull(registry, blobs, RegistrySettings(parallel=3))

    assert most == 3


def test_one_blob_that_fails_ends_the_others(registry: FakeRegistry, blobs: Blobs) -> None:
    second = next(digest for digest in IMAGE if digest not in (BIG, MANIFEST))

    def instead(request: Request) -> Reply | None:
        if BIG in request.path:
            return Reply(503, headers={"Retry-After": "30"})
        return Reply(403) if second in request.path else None

    registry.instead = instead
    begun = time.monotonic()

    with pytest.raises(Unauthorized):
        pull(registry, blobs)
    assert time.monotonic() - begun < 20  # and not the 30 s that the other waits for


# Redirects.


def test_who_asks_is_told_to_no_other_host(registry: FakeRegistry, blobs: Blobs) -> None:
    def files(request: Request) -> Reply:
        return registry.part(request, registry.blobs[request.path.partition("?")[0].removeprefix("/")])

    with WebServer(files).running() as storage:

        def instead(request: Request) -> Reply | None:
            if request.headers.get("Authorization") is None:
                return Reply(401, headers={"WWW-Authenticate": "Basic realm=x"})
            if "/blobs/" in request.path:
                place = f"{storage.url}/{request.path.rpartition('/')[2]}?signature=secret"
                return Reply(307, headers={"Location": place})
            return None

        registry.instead = instead
        keyring = Keyring({registry.address: Credentials(username="me", password="hunter2")})
        pull(registry, blobs, keyring=keyring)

        assert contents(blobs, list(IMAGE)) == IMAGE
        assert len(storage.requests) == len(IMAGE) - 1
        assert [request.headers["Authorization"] for request in storage.requests] == [None] * (len(IMAGE) - 1)
        assert all(request.headers["Authorization"] for request in registry.asked("GET", "/blobs/"))


def test_who_asks_is_told_again_where_the_registry_redirects_to_itself(registry: FakeRegistry, blobs: Blobs) -> None:
    def instead(request: Request) -> Reply | None:
        if request.headers.get("Authorization") is None:
            return Reply(401, headers={"WWW-Authenticate": "Basic realm=x"})
        if "/v2/" in request.path and "/blobs/" in request.path:
            return Reply(302, headers={"Location": f"/files/{request.path.rpartition('/')[2]}"})
        return registry.part(request, IMAGE[request.path[7:]]) if "/files/" in request.path else None

    registry.instead = instead
    keyring = Keyring({registry.address: Credentials(username="me", password="hunter2")})

    assert pull(registry, blobs, keyring=keyring) == MANIFEST
    assert all(request.headers["Authorization"] for request in registry.asked("GET", "/files/"))


def test_redirections_have_an_end(registry: FakeRegistry, blobs: Blobs) -> None:
    registry.instead = lambda request: Reply(307, headers={"Location": "/v2/again"})

    with pytest.raises(RegistryRefused, match="more than 5 redirections"):
        pull(registry, blobs)


@pytest.mark.parametrize("target", ["ftp://host/x", "http://[", "http://host:port/", "file:///etc/passwd"])
def test_a_redirection_to_no_address_is_refused(registry: FakeRegistry, blobs: Blobs, target: str) -> None:
    registry.instead = lambda request: Reply(307, headers={"Location": target})

    with pytest.raises(RegistryRefused, match="goes on at no address of HTTP"):
        pull(registry, blobs)


def test_no_redirection_leaves_tls() -> None:
    base, target = "https://registry.test/v2/some/image/blobs/x", "http://host:80/y?signature=z"
    with RegistryClient() as client, pytest.raises(TlsRefused, match=r"goes on at 'host:80' without TLS$"):
        client._endpoint("registry.test").resolve("some/image", base, target)


def test_an_answer_of_the_storage_names_no_signature(registry: FakeRegistry, blobs: Blobs) -> None:
    with WebServer(lambda request: Reply(410)).running() as storage:
        place = f"{storage.url}/x?signature=secret"
        registry.instead = lambda request: Reply(307, headers={"Location": place}) if BIG in request.path else None
        with pytest.raises(RegistryRefused, match=f"refused: 410 to GET {storage.url}") as raised:
            pull(registry, blobs)

    assert "secret" not in str(raised.value)


# Mirrors, tags.


def test_a_mirror_is_asked_first_and_the_registry_where_it_has_nothing(
    registry: FakeRegistry, blobs: Blobs, caplog: pytest.LogCaptureFixture
) -> None:
    with fake_registry() as mirror:
        settings = RegistrySettings(attempts=2, backoff_s=0.001, mirrors={registry.address: [mirror.address]})
        pull(registry, blobs, settings)
        assert len(mirror.asked("GET", "/manifests/")) == 1
        assert f"mirror of {registry.address}: {mirror.address}/some/image: not there" in caplog.text

        mirror.manifests["latest"] = IMAGE[MANIFEST]
        registry.requests.clear()
        pull(registry, blobs, settings)
        assert registry.requests == []


def test_tags_are_listed_by_pages(registry: FakeRegistry) -> None:
    pages = {
        "/v2/some/image/tags/list?n=1000": (["a", "b"], '</v2/some/image/tags/list?last=b&n=1000>; rel="next"'),
        "/v2/some/image/tags/list?last=b&n=1000": (["c"], ""),
    }

    def instead(request: Request) -> Reply | None:
        if request.path not in pages:
            return None
        tags, link = pages[request.path]
        body = json.dumps({"name": "some/image", "tags": tags}).encode()
        return Reply(200, body, {"Link": link} if link else {})

    registry.instead = instead
    with RegistryClient(QUICK) as client:
        assert client.tags(named(registry)) == ["a", "b", "c"]


def test_a_list_of_tags_without_end_is_refused(registry: FakeRegistry) -> None:
    link = {"Link": '</v2/some/image/tags/list?n=1000>; rel="next"'}
    registry.instead = lambda request: Reply(200, b'{"tags": null}', link) if "/tags/" in request.path else None

    with RegistryClient(QUICK) as client, pytest.raises(RegistryRefused, match="more than 1000 pages"):
        client.tags(named(registry))


def test_errors_of_a_registry_are_told_by_their_codes_alone(registry: FakeRegistry, blobs: Blobs) -> None:
    codes = [{"code": "DENIED", "message": "hunter2"}, {"code": "hunter2\n"}, {"code": "X\n"}]
    registry.instead = lambda request: Reply(403, json.dumps({"errors": codes}).encode())

    with pytest.raises(RegistryError) as raised:
        pull(registry, blobs)

    assert str(raised.value).endswith("latest (DENIED); no credentials are given for it")


def test_nothing_secret_is_logged(registry: FakeRegistry, blobs: Blobs, caplog: pytest.LogCaptureFixture) -> None:
    registry.instead = lambda request: (
        None if request.headers.get("Authorization") else Reply(401, headers={"WWW-Authenticate": "Basic realm=x"})
    )
    keyring = Keyring({registry.address: Credentials(username="me", password="hunter2")})
    with caplog.at_level(logging.DEBUG):
        pull(registry, blobs, keyring=keyring)

    assert caplog.text == ""
