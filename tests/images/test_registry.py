"""Images to and from real registries: Debian's docker-registry, and what Debian's skopeo writes and reads."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxd.errors import InvalidImage
from sandboxd.images.blobs import Blobs, digest_of
from sandboxd.images.oci.credentials import Credentials, Keyring
from sandboxd.images.oci.media import Platform
from sandboxd.images.oci.reference import Reference, parse_reference
from sandboxd.images.oci.registry import RegistryClient
from sandboxd.images.oci.registry_errors import NotInRegistry, TlsRefused, Unauthorized
from sandboxd.images.oci.registry_settings import RegistrySettings
from tests import certificates
from tests.images.registries import docker_registry, proxy_to
from tests.oci_images import contents, image, index, layer, put

MIB = 1 << 20
LAYER = layer("first", 6 * MIB)
BIG = digest_of(LAYER[0])
IMAGE = image([LAYER, layer("second", 1000)])
MANIFEST = list(IMAGE)[-1]
OVERHEAD_BYTES = 16 << 10
"""Of all headers and small blobs together, at most."""
QUICK = RegistrySettings(backoff_s=0.01)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def source(tmp_path: Path) -> Blobs:
    """A store that has the image."""
    blobs = Blobs(tmp_path / "source")
    put(blobs, IMAGE)
    return blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """An empty one."""
    return Blobs(tmp_path / "empty")


@pytest.fixture
def client() -> Iterator[RegistryClient]:
    with RegistryClient(QUICK) as client:
        yield client


@pytest.fixture
def name(registry: str, request: pytest.FixtureRequest, client: RegistryClient, source: Blobs) -> Reference:
    """The image, pushed; each test has a repository of its own."""
    repository = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    name = parse_reference(f"{registry}/{repository}:v1")
    client.push(name, source, MANIFEST)
    return name


def through(address: str, name: Reference) -> Reference:
    return parse_reference(f"{address}/{name.repository}:{name.tag}")


def test_what_was_pushed_is_pulled_by_tag(client: RegistryClient, name: Reference, blobs: Blobs) -> None:
    assert client.pull(name, blobs).digest == MANIFEST
    assert contents(blobs, list(IMAGE)) == IMAGE


def test_what_was_pushed_is_pulled_by_digest(client: RegistryClient, name: Reference, blobs: Blobs) -> None:
    by_digest = parse_reference(f"{name.registry}/{name.repository}@{MANIFEST}")

    assert client.resolve(by_digest).digest == MANIFEST
    client.pull(by_digest, blobs)
    assert contents(blobs, list(IMAGE)) == IMAGE


def test_the_tags_of_a_repository_are_listed(client: RegistryClient, name: Reference, source: Blobs) -> None:
    for tag in ("v2", "v3"):
        client.push(parse_reference(f"{name.registry}/{name.repository}:{tag}"), source, MANIFEST)

    assert client.tags(name) == ["v1", "v2", "v3"]


def test_what_is_not_there_is_not_found(client: RegistryClient, name: Reference, blobs: Blobs) -> None:
    other = parse_reference(f"{name.registry}/{name.repository}:other")
    place = f"{name.registry}/{name.repository}"

    with pytest.raises(NotInRegistry) as raised:
        client.pull(other, blobs)
    assert str(raised.value) == (
        f"{place}: not there: 404 to GET /v2/{name.repository}/manifests/other (MANIFEST_UNKNOWN)"
    )
    with pytest.raises(NotInRegistry, match="NAME_UNKNOWN"):
        client.tags(parse_reference(f"{name.registry}/none"))


def test_an_index_is_pushed_with_all_its_images(
    client: RegistryClient, registry: str, source: Blobs, blobs: Blobs
) -> None:
    amd64, arm64 = (Platform(os="linux", architecture=architecture) for architecture in ("amd64", "arm64"))
    both = {platform: image([layer(str(platform), 1000)], platform) for platform in (amd64, arm64)}
    name = parse_reference(f"{registry}/both")
    client.push(name, source, put(source, index(both)))

    for platform, expected in both.items():
        assert client.pull(name, blobs, platform=platform).digest == list(expected)[-1]
        assert contents(blobs, list(expected)) == expected
    with pytest.raises(NotInRegistry, match="no image for linux/riscv64; there is linux/amd64, linux/arm64"):
        client.pull(name, blobs, platform=Platform(os="linux", architecture="riscv64"))


def test_an_image_that_is_not_whole_is_not_pushed(client: RegistryClient, registry: str, source: Blobs) -> None:
    source.path(BIG).unlink()
    name = parse_reference(f"{registry}/not-whole")

    with pytest.raises(InvalidImage, match=f"blob {BIG}: not in the store"):
        client.push(name, source, MANIFEST)
    with pytest.raises(NotInRegistry):
        client.tags(name)


def test_an_image_is_not_pushed_as_another(client: RegistryClient, registry: str, source: Blobs) -> None:
    other = "sha256:" + "0" * 64

    with pytest.raises(InvalidImage, match=f"the image's digest is {MANIFEST}"):
        client.push(parse_reference(f"{registry}/some@{other}"), source, MANIFEST)


def test_what_is_there_is_not_pushed_again(client: RegistryClient, name: Reference, source: Blobs) -> None:
    with proxy_to(name.registry) as proxy:
        client.push(through(proxy.address, name), source, MANIFEST)

        assert proxy.asked("POST", "") == []
        assert len(proxy.asked("HEAD", "/blobs/")) == len(IMAGE) - 1
        assert len(proxy.asked("PUT", "/manifests/v1")) == 1


def test_blobs_of_another_repository_are_mounted(
    client: RegistryClient, name: Reference, source: Blobs, blobs: Blobs
) -> None:
    with proxy_to(name.registry) as proxy:
        copy = parse_reference(f"{proxy.address}/mounted/copy")
        client.push(copy, source, MANIFEST, mount_from=["no/such", name.repository])

        assert len(proxy.asked("POST", "/v2/mounted/copy/blobs/uploads/?mount=")) == len(IMAGE) - 1
        assert proxy.asked("PATCH", "") == []
        assert proxy.up_bytes < OVERHEAD_BYTES
        client.pull(copy, blobs)
    assert contents(blobs, list(IMAGE)) == IMAGE


def test_a_large_blob_is_pushed_in_pieces(registry: str, source: Blobs, blobs: Blobs) -> None:
    told: list[int] = []

    def progress(digest: str, done: int, size: int) -> None:
        if digest == BIG:
            told.append(done)

    with proxy_to(registry) as proxy, RegistryClient(RegistrySettings(chunk_bytes=MIB)) as client:
        name = parse_reference(f"{proxy.address}/pieces")
        client.push(name, source, MANIFEST, progress=progress)
        client.pull(name, blobs)

        assert len(proxy.asked("PATCH", "/v2/pieces/")) == 7  # 6 MiB and a little
    assert contents(blobs, list(IMAGE)) == IMAGE
    assert told == [0, *(number * MIB for number in range(1, 7)), len(LAYER[0]), len(LAYER[0])]


@pytest.mark.parametrize("chunk_bytes", [MIB, 64 * MIB], ids=["in pieces", "at once"])
def test_a_push_that_breaks_off_is_done_in_the_end(
    registry: str, source: Blobs, blobs: Blobs, chunk_bytes: int, tmp_path: Path
) -> None:
    settings = RegistrySettings(chunk_bytes=chunk_bytes, backoff_s=0.01, parallel=1)
    with proxy_to(registry) as proxy, RegistryClient(settings) as client:
        proxy.cut_up_after += [3_500_000, 3_400_000]
        name = parse_reference(f"{proxy.address}/broken/push{chunk_bytes}")
        client.push(name, source, MANIFEST)
        assert proxy.cut_up_after == []

        client.pull(name, blobs)
    assert contents(blobs, list(IMAGE)) == IMAGE


def test_a_pull_that_breaks_off_fetches_only_the_rest(name: Reference, blobs: Blobs) -> None:
    with proxy_to(name.registry) as proxy:
        settings = RegistrySettings(parallel=1, backoff_s=0.01)
        proxy.cut_down_after += [2_000_000, 1_500_000, 700_000]
        with RegistryClient(settings) as client:
            client.pull(through(proxy.address, name), blobs)

        assert proxy.cut_down_after == []
        assert len(proxy.asked("GET", BIG)) == 4
        assert len(LAYER[0]) < proxy.down_bytes < len(LAYER[0]) + OVERHEAD_BYTES
    assert contents(blobs, list(IMAGE)) == IMAGE


def test_concurrent_pulls_fetch_each_blob_once(name: Reference, blobs: Blobs) -> None:
    pulled: list[str] = []

    def pull(address: str) -> None:
        with RegistryClient(QUICK) as client:
            pulled.append(client.pull(through(address, name), blobs).digest)

    with proxy_to(name.registry) as proxy:
        threads = [threading.Thread(target=pull, args=(proxy.address,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert pulled == [MANIFEST] * 4
        assert len(proxy.asked("GET", "/blobs/")) == len(IMAGE) - 1
    assert contents(blobs, list(IMAGE)) == IMAGE


def test_a_pull_through_registry_serves_as_mirror(
    name: Reference, blobs: Blobs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with docker_registry(tmp_path / "mirror", upstream=f"http://{name.registry}") as mirror, proxy_to(mirror) as proxy:
        with RegistryClient(RegistrySettings(mirrors={name.registry: [proxy.address]})) as mirrored:
            mirrored.pull(name, blobs)

        assert len(proxy.asked("GET", "/blobs/")) == len(IMAGE) - 1
    assert contents(blobs, list(IMAGE)) == IMAGE
    assert caplog.text == ""  # the registry itself was not asked


def test_a_mirror_serves_where_the_registry_is_away(source: Blobs, blobs: Blobs, tmp_path: Path) -> None:
    with docker_registry(tmp_path / "origin") as origin:
        pass
    with docker_registry(tmp_path / "mirror") as mirror:
        settings = RegistrySettings(mirrors={origin: [mirror]}, attempts=1)
        with RegistryClient(settings) as client:
            client.push(parse_reference(f"{mirror}/some/image"), source, MANIFEST)
            client.pull(parse_reference(f"{origin}/some/image"), blobs)
    assert contents(blobs, list(IMAGE)) == IMAGE


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that wants a password."""
    directory = tmp_path_factory.mktemp("guarded")
    subprocess.run(["htpasswd", "-Bbc", directory / "users", "me", "hunter2"], check=True, capture_output=True)
    with docker_registry(directory, auth={"realm": "registry", "path": f"{directory}/users"}) as address:
        yield address


def test_a_password_is_wanted(guarded: str, source: Blobs, blobs: Blobs) -> None:
    name = parse_reference(f"{guarded}/some/image")
    with RegistryClient(keyring=Keyring({guarded: Credentials(username="me", password="hunter2")})) as client:
        client.push(name, source, MANIFEST)
        client.pull(name, blobs)
    assert contents(blobs, list(IMAGE)) == IMAGE

    with RegistryClient() as client, pytest.raises(Unauthorized, match="wants a password: no credentials are given"):
        client.pull(name, blobs)
    wrong = Keyring({guarded: Credentials(username="me", password="hunter3")})
    with RegistryClient(keyring=wrong) as client, pytest.raises(Unauthorized, match="not allowed: 401") as raised:
        client.push(name, source, MANIFEST)
    assert "hunter" not in str(raised.value)


def test_a_password_of_a_docker_config_is_taken(guarded: str, source: Blobs, tmp_path: Path) -> None:
    name = parse_reference(f"{guarded}/by/config")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"auths": {guarded: {"auth": "bWU6aHVudGVyMg=="}}}))

    with RegistryClient(keyring=Keyring(docker_config=config)) as client:
        client.push(name, source, MANIFEST)
        assert client.tags(name) == ["latest"]


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A registry with a certificate for localhost of an authority of its own; returns its port, too, and the authority's."""
    directory = tmp_path_factory.mktemp("private")
    certificates.make(directory)
    tls = {"certificate": f"{directory}/server.pem", "key": f"{directory}/server.key"}
    with docker_registry(directory, http=tls) as address:
        yield address.rpartition(":")[2], directory / "ca.pem"


def test_a_private_authority_is_trusted_where_it_is_given(
    private: tuple[str, Path], source: Blobs, blobs: Blobs
) -> None:
    port, authority = private
    name = parse_reference(f"localhost:{port}/some/image")
    with RegistryClient(RegistrySettings(ca_file=authority)) as client:
        client.push(name, source, MANIFEST)
        client.pull(name, blobs)
    assert contents(blobs, list(IMAGE)) == IMAGE

    with (
        RegistryClient() as client,
        pytest.raises(TlsRefused, match="its certificate is refused: unable to get local issuer"),
    ):
        client.pull(name, blobs)


def test_a_certificate_for_another_name_is_refused(private: tuple[str, Path], blobs: Blobs) -> None:
    port, authority = private
    name = parse_reference(f"127.0.0.1:{port}/some/image")
    refused = "its certificate is refused: IP address mismatch"
    with RegistryClient(RegistrySettings(ca_file=authority)) as client, pytest.raises(TlsRefused, match=refused):
        client.pull(name, blobs)


def test_skopeo_reads_what_we_have_pushed(name: Reference, tmp_path: Path) -> None:
    skopeo("copy", "--src-tls-verify=false", f"docker://{name}", f"oci:{tmp_path}/layout:v1")

    found = {f"sha256:{path.name}": path.read_bytes() for path in (tmp_path / "layout/blobs/sha256").iterdir()}
    assert found == IMAGE


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_what_skopeo_has_pushed_is_pulled(
    client: RegistryClient, name: Reference, blobs: Blobs, tmp_path: Path, form: str
) -> None:
    theirs = parse_reference(f"{name.registry}/skopeo/{form}:v1")
    skopeo("copy", "--src-tls-verify=false", f"docker://{name}", f"oci:{tmp_path}/layout:v1")
    skopeo("copy", "--dest-tls-verify=false", "--format", form, f"oci:{tmp_path}/layout:v1", f"docker://{theirs}")

    pulled = client.pull(theirs, blobs)

    layers = [entry.digest for entry in pulled.manifest.layers]
    assert layers == list(IMAGE)[:2]
    assert contents(blobs, layers) == {digest: IMAGE[digest] for digest in layers}
    assert "docker" in str(pulled.manifest.media_type) if form == "v2s2" else pulled.digest == MANIFEST


def skopeo(*arguments: str) -> None:
    policy = ["--insecure-policy"]
    done = subprocess.run(["skopeo", *policy, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
