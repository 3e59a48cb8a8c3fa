"""What an image from elsewhere says, in our words: its manifest, its accounts."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.images.importing import MANIFEST_LABEL, manifest_of
from sandboxd.images.manifest import parse_manifest
from sandboxd.images.oci.media import Config, Execution, RootFS
from sandboxd.images.skeleton import with_account

SANDBOX = "sandbox:x:1000:1000:sandbox:/workspace:/bin/sh\n"
ROOT = "root:x:0:0:root:/root:/bin/sh\n"


def config(**execution: object) -> Config:
    return Config(rootfs=RootFS(diff_ids=()), config=Execution(**execution))


def test_an_image_that_says_nothing_has_a_manifest() -> None:
    for empty in (Config(rootfs=RootFS(diff_ids=())), config(), config(env=(), labels={})):
        text, left_out = manifest_of(empty)
        assert (tomllib.loads(text), left_out) == ({"env": {}}, [])


@given(st.dictionaries(st.text("AZaz_09", min_size=1).filter(lambda name: not name[0].isdigit()), st.text()))
def test_any_environment_comes_out_as_it_was(env: dict[str, str]) -> None:
    env = {name: value.replace("\0", "") for name, value in env.items()}

    text, left_out = manifest_of(config(env=tuple(f"{name}={value}" for name, value in env.items())))

    manifest = parse_manifest(tomllib.loads(text.encode("utf-8", "surrogatepass").decode("utf-8")), "m")
    assert (manifest.env, manifest.languages, left_out) == (env, {}, [])


def test_names_that_no_environment_of_ours_has_are_left_out() -> None:
    text, left_out = manifest_of(config(env=("A.B=1", "1A=1", "=x", "A=\0", "OK=a=b")))

    assert tomllib.loads(text) == {"env": {"OK": "a=b"}}
    assert left_out == ["A.B", "1A", "", "A"]


def test_a_manifest_in_a_label_is_taken_as_it_is() -> None:
    assert manifest_of(config(env=("A=1",), labels={MANIFEST_LABEL: "# text"})) == ("# text", [])


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (ROOT, ROOT + SANDBOX),
        (ROOT.rstrip("\n"), ROOT + SANDBOX),
        ("", SANDBOX),
        (f"{ROOT}node:x:1000:1000::/home/node:/bin/sh\n", f"{ROOT}node:x:1000:1000::/home/node:/bin/sh\n"),
        ("sandbox:x:5:5:::\n", "sandbox:x:5:5:::\n"),
        ("sandbox\n\n#comment:x\n", "sandbox\n\n#comment:x\n"),
        ("1000\n:::\n", f"1000\n:::\n{SANDBOX}"),
    ],
)
def test_an_account_is_added_unless_its_name_or_number_is_taken(text: str, result: str) -> None:
    assert with_account(text, "etc/passwd", SANDBOX) == result


def test_where_there_are_no_accounts_there_are_ours() -> None:
    assert SANDBOX in (with_account(None, "etc/passwd", SANDBOX))
    assert with_account(None, "etc/passwd", SANDBOX).startswith(ROOT)
