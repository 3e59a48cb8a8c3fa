"""Manifests, indexes and configs: what is used of them is checked, and no document has two readings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandboxd.errors import InvalidImage
from sandboxd.images.oci import media
from sandboxd.images.oci.media import Platform

DIGEST = "sha256:" + "1" * 64
CONFIG = {"mediaType": media.OCI_CONFIG, "digest": DIGEST, "size": 2}
LAYER = {"mediaType": media.OCI_LAYER_GZIP, "digest": DIGEST, "size": 3}
MANIFEST = {"schemaVersion": 2, "mediaType": media.OCI_MANIFEST, "config": CONFIG, "layers": [LAYER]}
AMD64 = Platform(architecture="amd64", os="linux")


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def entry(platform: dict[str, str] | None, number: int = 1, kind: str = media.OCI_MANIFEST) -> dict[str, Any]:
    descriptor: dict[str, Any] = {"mediaType": kind, "digest": f"sha256:{number:064x}", "size": 1}
    return descriptor if platform is None else {**descriptor, "platform": platform}


def index(*entries: dict[str, Any]) -> media.Index:
    return media.parse_index(encoded({"schemaVersion": 2, "manifests": list(entries)}), "index")


def test_a_manifest_is_read_and_written_as_it_was() -> None:
    manifest = media.parse_manifest(encoded(MANIFEST), "manifest")

    assert (manifest.config.digest, manifest.layers[0].size) == (DIGEST, 3)
    assert json.loads(media.encode(manifest)) == MANIFEST


def test_dockers_manifest_is_one() -> None:
    config, layer = {**CONFIG, "mediaType": media.DOCKER_CONFIG}, {**LAYER, "mediaType": media.DOCKER_LAYER_GZIP}
    document = {**MANIFEST, "mediaType": media.DOCKER_MANIFEST, "config": config, "layers": [layer]}

    assert isinstance(media.parse_document(encoded(document), media.DOCKER_MANIFEST, "manifest"), media.Manifest)


def test_unknown_fields_are_ignored() -> None:
    assert media.parse_manifest(encoded({**MANIFEST, "subject": {"x": 1}, "artifactType": "y"}), "manifest").layers


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schemaVersion": 3}, "schemaVersion: 3"),
        ({"mediaType": media.OCI_INDEX}, "mediaType: .*was expected"),
        ({"config": {**CONFIG, "digest": "sha256:x"}}, "config: digest 'sha256:x'"),
        ({"config": {**CONFIG, "size": -1}}, "config.size: Expected `int` >= 0"),
        ({"config": {**CONFIG, "size": 1 << 63}}, r"config\.size"),
        ({"config": {**CONFIG, "mediaType": "application/json"}}, "config.mediaType: 'application/json'"),
        ({"layers": [LAYER, {**LAYER, "mediaType": "text/plain"}]}, r"layers\[1\].mediaType: 'text/plain'"),
        ({"layers": [{"mediaType": media.OCI_LAYER}]}, r"layers\[0\]\.digest: is missing"),
        ({"layers": [LAYER] * 513}, "513 layers, more than 512"),
        ({"layers": None}, "layers: Expected `array`, got `null`"),
    ],
)
def test_a_wrong_manifest_is_refused_by_field(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidImage, match=f"^from here: .*{complaint}"):
        media.parse_manifest(encoded({**MANIFEST, **change}), "from here")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"schemaVersion": "2"}', b"[" * 100_000])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    for parse in (media.parse_index, media.parse_manifest, media.parse_config):
        with pytest.raises(InvalidImage, match=r"^here: "):
            parse(data, "here")
    with pytest.raises(InvalidImage, match=r"^here: "):
        media.parse_document(data, None, "here")


@pytest.mark.parametrize(
    ("document", "media_type", "complaint"),
    [
        ({**MANIFEST, "manifests": []}, None, "both manifests and layers"),
        ({"schemaVersion": 2, "manifests": [], "config": CONFIG}, media.OCI_INDEX, "both manifests and layers"),
        (MANIFEST, media.OCI_INDEX, "but it came as"),
        ({"schemaVersion": 2, "config": CONFIG, "layers": []}, media.OCI_INDEX, "manifests: is missing"),
        ({"schemaVersion": 1, "fsLayers": []}, None, "schemaVersion: 1 is Docker's format of before 2016"),
        (MANIFEST | {"mediaType": "text/html"}, None, "neither an index nor a manifest"),
    ],
)
def test_a_document_with_two_readings_or_none_is_refused(document: Any, media_type: str | None, complaint: str) -> None:
    with pytest.raises(InvalidImage, match=complaint):
        media.parse_document(encoded(document), media_type, "here")


def test_a_document_says_what_it_is_or_is_told_from_its_fields() -> None:
    bare = {"schemaVersion": 2, "config": CONFIG, "layers": []}

    assert isinstance(media.parse_document(encoded(bare), None, "here"), media.Manifest)
    assert isinstance(media.parse_document(encoded({"schemaVersion": 2, "manifests": []}), None, "here"), media.Index)


def test_a_config_may_have_nulls_as_docker_writes_them() -> None:
    config = media.parse_config(
        encoded(
            {
                "architecture": "amd64",
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
                "history": [{"created_by": "x", "empty_layer": True}],
                "config": {"Env": ["A=1"], "Entrypoint": None, "Cmd": ["sh"], "Labels": None, "WorkingDir": "/"},
            }
        ),
        "config",
    )

    assert config.config is not None
    assert (config.config.env, config.config.entrypoint, config.config.working_dir) == (("A=1",), None, "/")
    assert config.platform == AMD64


def test_a_config_without_digests_of_layers_is_refused() -> None:
    with pytest.raises(InvalidImage, match="config: rootfs: is missing"):
        media.parse_config(b"{}", "config")
    with pytest.raises(InvalidImage, match="rootfs: diff_id 'md5:0'"):
        media.parse_config(encoded({"rootfs": {"type": "layers", "diff_ids": ["md5:0"]}}), "config")


@pytest.mark.parametrize(
    ("platforms", "machine", "chosen"),
    [
        ([{"os": "linux", "architecture": "arm64"}, {"os": "linux", "architecture": "amd64"}], AMD64, 1),
        ([{"os": "windows", "architecture": "amd64"}, {"os": "linux", "architecture": "amd64"}], AMD64, 1),
        ([None], AMD64, 0),
        (
            [
                {"os": "linux", "architecture": "arm", "variant": "v6"},
                {"os": "linux", "architecture": "arm", "variant": "v7"},
            ],
            Platform(os="linux", architecture="arm", variant="v7"),
            1,
        ),
        ([{"os": "linux", "architecture": "arm64"}], Platform(os="linux", architecture="arm64", variant="v8"), 0),
        (
            [{"os": "linux", "architecture": "amd64", "variant": "v3"}, {"os": "linux", "architecture": "amd64"}],
            AMD64,
            1,
        ),
        (
            [{"os": "linux", "architecture": "arm", "variant": variant} for variant in ("v5", "v6", "v7", "x")],
            Platform(os="linux", architecture="arm", variant="v6"),
            1,
        ),
        ([{"os": "linux", "architecture": "amd64", "variant": "v1"}], AMD64, 0),
    ],
)
def test_the_image_for_this_machine_is_chosen(
    platforms: list[dict[str, str] | None], machine: Platform, chosen: int
) -> None:
    entries = [entry(platform, number) for number, platform in enumerate(platforms)]

    assert media.choose(index(*entries), machine, "index").digest == f"sha256:{chosen:064x}"


@pytest.mark.parametrize(
    ("platforms", "offered"),
    [
        ([{"os": "linux", "architecture": "arm64", "variant": "v8"}], "linux/arm64/v8"),
        ([None, None], "unnamed"),
        ([{"os": "unknown", "architecture": "unknown"}], "unknown/unknown"),
        ([], "nothing"),
    ],
)
def test_what_there_is_instead_is_said(platforms: list[dict[str, str] | None], offered: str) -> None:
    with pytest.raises(InvalidImage, match=f"no image for linux/amd64; there is {offered}$"):
        media.choose(index(*map(entry, platforms)), AMD64, "index")


def test_what_is_no_image_is_not_chosen() -> None:
    artifact = entry({"os": "linux", "architecture": "amd64"}, kind="application/vnd.cncf.helm.config.v1+json")

    with pytest.raises(InvalidImage, match="there is nothing"):
        media.choose(index(artifact), AMD64, "index")


def test_this_machine_has_a_platform() -> None:
    assert media.host_platform().os == "linux"
    assert media.host_platform().architecture
