"""References to images, as Docker reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.errors import InvalidImage
from sandboxd.images.oci.reference import Reference, local_reference, parse_reference
from sandboxd.images.store import is_image_name

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest", "short"),
    [
        ("debian", "docker.io", "library/debian", "latest", None, "debian:latest"),
        ("debian:bookworm", "docker.io", "library/debian", "bookworm", None, "debian:bookworm"),
        ("library/debian", "docker.io", "library/debian", "latest", None, "debian:latest"),
        ("jupyter/base", "docker.io", "jupyter/base", "latest", None, "jupyter/base:latest"),
        ("docker.io/debian", "docker.io", "library/debian", "latest", None, "debian:latest"),
        ("index.docker.io/a/b", "docker.io", "a/b", "latest", None, "a/b:latest"),
        ("ghcr.io/a/b/c:v1", "ghcr.io", "a/b/c", "v1", None, "ghcr.io/a/b/c:v1"),
        ("localhost/a", "localhost", "a", "latest", None, "localhost/a:latest"),
        ("localhost:5000/a:1", "localhost:5000", "a", "1", None, "localhost:5000/a:1"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000", "a", "latest", None, "127.0.0.1:5000/a:latest"),
        ("[::1]:5000/a", "[::1]:5000", "a", "latest", None, "[::1]:5000/a:latest"),
        ("HOST/a", "HOST", "a", "latest", None, "HOST/a:latest"),
        ("a.b_c__d--e", "docker.io", "library/a.b_c__d--e", "latest", None, "a.b_c__d--e:latest"),
        (f"debian@sha256:{HEX}", "docker.io", "library/debian", None, f"sha256:{HEX}", f"debian@sha256:{HEX}"),
        (f"r.io/a:t@sha256:{HEX}", "r.io", "a", "t", f"sha256:{HEX}", f"r.io/a:t@sha256:{HEX}"),
    ],
)
def test_a_reference_is_read(
    text: str, registry: str, repository: str, tag: str | None, digest: str | None, short: str
) -> None:
    reference = parse_reference(text)

    assert reference == Reference(registry=registry, repository=repository, tag=tag, digest=digest)
    assert reference.short == short
    assert reference.wanted == (digest or tag)
    assert parse_reference(str(reference)) == parse_reference(short) == reference


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the name of the image is missing"),
        (":tag", "the name of the image is missing"),
        ("a:", "a tag is 1 to 128"),
        ("a:.x", "a tag is 1 to 128"),
        ("a:" + "x" * 129, "a tag is 1 to 128"),
        ("a:b:c", "'a:b' in its name"),
        ("a@", "after @ there must be"),
        ("a@sha256:12", "after @ there must be"),
        (f"a@sha512:{HEX}{HEX}", "after @ there must be"),
        (HEX, "are the id of an image"),
        ("Debian", "'Debian' in its name: small letters"),
        ("ghcr.io/A", "'A' in its name"),
        ("ghcr.io/", "'' in its name"),
        ("a//b", "'' in its name"),
        ("../b", "'..' is not the name of a registry"),
        ("a/../b", "'..' in its name"),
        ("/a", "'' in its name"),
        ("a_", "'a_' in its name"),
        ("a___b", "'a___b' in its name"),
        ("https://ghcr.io/a", "'https:' is not the name of a registry"),
        ("-x.io/a", "'-x.io' is not the name of a registry"),
        ("h:99999/a", "port 99999 is above 65535"),
        ("h:999999/a", "is not the name of a registry"),
        ("user@host.io/a", "after @ there must be"),
        ("ghcr.io/" + "a" * 250, "longer than 255"),
        ("a b", "'a b' in its name"),
        ("a\n", "in its name"),
        ("a:b\n", "a tag is"),
        ("a." * 256 + "!", "longer than 512 characters"),
        ("a" * 513, "longer than 512 characters"),
    ],
)
def test_a_wrong_reference_is_refused_by_its_part(text: str, why: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        parse_reference(text)

    assert str(caught.value).startswith("image reference ")
    assert why in str(caught.value)


def test_the_longest_that_there_can_be_is_read() -> None:
    text = f"index.docker.io/library/{'a' * 237}:{'t' * 128}@sha256:{HEX}"

    assert parse_reference(text).short == text.removeprefix("index.docker.io/library/")


@given(st.text(alphabet="abA0/.:@-_[]%\n\0 é", max_size=40))
def test_whatever_is_accepted_reads_the_same_again_and_is_safe_in_a_url(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidImage:
        return

    assert parse_reference(str(reference)) == reference
    parts = reference.repository.split("/")
    assert not {"", ".", ".."} & {*parts, reference.registry}
    assert not {"@", "?", "#", "%", " ", "\n", "\0", "/"} & {*reference.registry, *(reference.tag or "")}


@pytest.mark.parametrize(
    ("name", "reference"), [("tool", "localhost/tool:latest"), ("a.b_c:v1.", "localhost/a.b_c:v1.")]
)
def test_an_image_of_the_store_has_a_reference(name: str, reference: str) -> None:
    assert str(local_reference(name)) == reference


@pytest.mark.parametrize("name", ["a..b", "tool_", "v1.", "a._b", "a___b:1", "a-:latest"])
def test_some_names_of_the_store_are_no_references(name: str) -> None:
    assert is_image_name(name)
    assert local_reference(name) is None
