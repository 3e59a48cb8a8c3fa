"""Requirements of Python packages: which are taken, and what is believed of an interpreter's answer."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import pytest

from sandboxd.errors import BuildFailed, InvalidSubmission
from sandboxd.images import requirements
from sandboxd.images.requirements import Python, answer, check

PYTHON = {
    "executable": "/usr/bin/python3",
    "version": "3.11",
    "machine": "x86_64",
    "glibc": "2.36",
    "packages": "/usr/local/lib/python3.11/dist-packages",
}
HASH = "--hash=sha256:" + "0" * 64


def test_names_with_versions_are_taken_and_comments_are_not() -> None:
    text = f"""
# what we need
numpy>=2,<3   # arrays
requests[socks] == 2.32.* ; python_version >= "3.9"
six==1.17.0 \\
    {HASH} \\
    {HASH}
tab\t{HASH}
"""

    assert [line.split() for line in check(text)] == [
        ["numpy<3,>=2"],
        ["requests[socks]==2.32.*", ";", "python_version", ">=", '"3.9"'],
        ["six==1.17.0", HASH, HASH],
        ["tab", HASH],
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("six\n-r /etc/passwd\n", "line 2: '-r /etc/passwd' is an option"),
        ("--index-url http://x", "line 1: '--index-url http://x' is an option"),
        ("-e .", "line 1: '-e .' is an option"),
        ("six --global-option=x", "line 1: 'six --global-option=x' is not a name with versions"),
        ("six --hash=md5:0", "line 1: 'six --hash=md5:0' is not a name with versions"),
        ("./package", "line 1: './package' is not a name with versions"),
        ("package.whl/../x", "line 1: 'package.whl/../x' is not a name with versions"),
        ("https://example.org/x.whl", "line 1: 'https://example.org/x.whl' is not a name with versions"),
        ("git+https://example.org/x", "line 1: 'git+https://example.org/x' is not a name with versions"),
        ("x @ git+https://example.org/x", "line 1: x is to come from an address"),
        ("x @ file:///etc/passwd", "line 1: x is to come from an address"),
        ("six \\\n -r x", "line 1: 'six -r x' is not a name with versions"),
        ("x ; os_name == ' --hash=a'", "line 1: \"x ; os_name == ' --hash=a'\" has what could be taken for an option"),
        ("x\u00a0>=1", "line 1: 'x >=1' is not a name with versions"),
        ("", "there are none"),
        ("# nothing\n\n", "there are none"),
        ("six\n" * 1001, "more than 1000 lines"),
    ],
)
def test_everything_else_is_refused_by_its_line(text: str, complaint: str) -> None:
    with pytest.raises(InvalidSubmission) as error:
        check(text)

    (violation,) = error.value.violations
    assert violation.field == "requirements"
    assert violation.description.startswith(complaint)


def test_a_name_is_never_a_file() -> None:
    """uv takes what ends as archives do for one, in the directory where it runs."""
    assert check("x-1.0-py3-none-any.whl\nPKG_x.tar.gz[A_b]") == ["x-1-0-py3-none-any-whl", "pkg-x-tar-gz[A_b]"]


def test_too_much_is_refused_before_it_is_read() -> None:
    began = time.monotonic()

    with pytest.raises(InvalidSubmission, match="more than 65536 characters"):
        check("a\\\n" * 10_000_000)

    assert time.monotonic() - began < 1


def test_every_wrong_line_is_named() -> None:
    with pytest.raises(InvalidSubmission) as error:
        check("-r x\nsix\n./y\n")

    assert [violation.description[:6] for violation in error.value.violations] == ["line 1", "line 3"]


def test_an_interpreter_is_believed_what_one_would_say() -> None:
    assert answer(json.dumps(PYTHON).encode()) == Python(**PYTHON)
    assert Python(**PYTHON).platform == "x86_64-manylinux_2_36"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"version": "3.11; x"}, "says of itself '3.11; x'"),
        ({"machine": "../x"}, "says of itself '../x'"),
        ({"glibc": "musl"}, "says of itself 'musl'"),
        ({"packages": "/usr/../../etc"}, "says that it is at '/usr/../../etc'"),
        ({"packages": "usr/lib"}, "says that it is at 'usr/lib'"),
        ({"executable": 1}, "does not tell what it is"),
    ],
)
def test_and_nothing_else(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(BuildFailed, match=complaint):
        answer(json.dumps({**PYTHON, **change}).encode())


def test_a_set_is_named_by_all_that_decides_the_layer() -> None:
    python = Python(**PYTHON)
    keys = {
        requirements.key("six==1.17.0\n", python),
        requirements.key("six==1.16.0\n", python),
        *(
            requirements.key("six==1.17.0\n", Python(**{**PYTHON, **change}))
            for change in ({"version": "3.12"}, {"glibc": "2.41"}, {"packages": "/x"}, {"executable": "/x"})
        ),
    }

    assert len(keys) == 6
    assert requirements.names("six==1.17.0 \\\n    --hash=sha256:0\nnumpy==2.1\n") == ["six-1.17.0", "numpy-2.1"]


def moved(tmp_path: Path, content: bytes) -> Path:
    """Have a wheel's command where commands are."""
    scripts = tmp_path / "bin"
    scripts.mkdir()
    (scripts / "tool").write_bytes(content)
    (scripts / "tool").chmod(0o755)
    requirements._move_scripts(scripts, tmp_path / "place", Python(**PYTHON))
    assert not scripts.exists()
    return tmp_path / "place" / "tool"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"#!/venv/bin/python3.11\nimport x\n", b"#!/usr/bin/python3\nimport x\n"),
        (b"#!/bin/sh\ncat <<.\n#!/usr/bin/python3.9\n.\n", b"#!/bin/sh\ncat <<.\n#!/usr/bin/python3.9\n.\n"),
        (b"\n#!/venv/bin/python\n", b"\n#!/venv/bin/python\n"),
        (b"", b""),
    ],
)
def test_only_the_first_line_of_a_command_names_its_interpreter(
    tmp_path: Path, content: bytes, expected: bytes
) -> None:
    tool = moved(tmp_path, content)

    assert (expected, 0o755) == (tool.read_bytes(), tool.stat().st_mode & 0o777)


def test_a_command_of_many_marks_is_not_searched(tmp_path: Path) -> None:
    """It was, in time that grew by the square of its size, while the interpreter's lock was held."""
    began = time.process_time()

    moved(tmp_path, b"#!" * 50_000)

    assert time.process_time() - began < 0.5


def test_a_large_command_is_not_read_into_memory(tmp_path: Path) -> None:
    content = b"#!/venv/bin/python\n" + bytes(16 << 20)
    tracemalloc.start()
    try:
        moved(tmp_path, content)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 4 << 20
