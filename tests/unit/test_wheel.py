"""What is built of sandboxd to be installed: it has process 1 of containers, compiled by ``deploy/build_init.py``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = (
    *("sandboxd", "policies", "images", "proto", "deploy", "tests/hostile/programs"),
    *("pyproject.toml", "README.md", "CHANGELOG.md", ".gitignore"),
)
INIT = "sandboxd/runtime/init.c"
PROGRAM = "sandboxd/runtime/sandboxd-init"
PACKAGES = "apt-get install gcc libc6-dev"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """Return a copy of what is built, so that the program that containers are made of stays as it is."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / name, checkout / name)
    (checkout / PROGRAM).unlink(missing_ok=True)
    return checkout


def hatchling(checkout: Path, target: str, output: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Build as pip does, but with the hatchling that is there, and without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(output)]
    return subprocess.run(command, cwd=checkout, env={**os.environ, **env}, capture_output=True, text=True, check=False)


def build(checkout: Path, target: str, output: Path) -> Path:
    """Return what was built."""
    result = hatchling(checkout, target, output)
    assert 0 == result.returncode, result.stdout + result.stderr
    (built,) = output.iterdir()
    return built


def compile_init(source: Path, target: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the script, by a Python that sees no hatchling."""
    command = [sys.executable, "-I", "-S", REPOSITORY / "deploy/build_init.py", source, target]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def sdist(checkout, tmp_path_factory) -> Path:
    return build(checkout, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory) -> Path:
    """Of the source distribution, which so has all that it takes."""
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked := tmp_path_factory.mktemp("unpacked"), filter="data")
    (directory,) = unpacked.iterdir()
    return build(directory, "wheel", tmp_path_factory.mktemp("wheel"))


def test_it_has_process_1_as_a_program(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        mode = archive.getinfo(PROGRAM).external_attr >> 16
        program = archive.extract(PROGRAM, tmp_path)
    headers = subprocess.run(["readelf", "-lW", program], capture_output=True, text=True, check=True).stdout

    assert 0o755 == mode & 0o777
    assert " LOAD " in headers
    assert "INTERP" not in headers  # it needs no loader
    assert "DYNAMIC" not in headers


def test_it_is_of_one_architecture_and_of_every_python(wheel):
    tag = f"py3-none-{sysconfig.get_platform().replace('-', '_')}"
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/WHEEL"))
        metadata = archive.read(name).decode().splitlines()

    assert wheel.name.endswith(f"-{tag}.whl")
    assert {f"Tag: {tag}", "Root-Is-Purelib: false"} <= set(metadata)


def test_a_source_distribution_has_the_source_and_no_program(checkout, wheel, tmp_path):
    """Not even where it was compiled before."""
    build(checkout, "wheel", tmp_path / "wheel")
    with tarfile.open(build(checkout, "sdist", tmp_path / "sdist")) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}

    assert (checkout / PROGRAM).exists()
    assert {INIT, "deploy/build_init.py"} <= names
    assert PROGRAM not in names


def test_without_a_compiler_the_packages_are_named(checkout, tmp_path):
    result = hatchling(checkout, "wheel", tmp_path / "wheel", PATH=str(tmp_path), CC="cc")

    assert 0 != result.returncode
    assert PACKAGES in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert [] == list(tmp_path.glob("wheel/*"))


def test_the_script_compiles_what_is_named_and_needs_nothing(tmp_path):
    result = compile_init(REPOSITORY / INIT, tmp_path / "program")

    assert ("", "") == (result.stdout, result.stderr)
    assert os.access(tmp_path / "program", os.X_OK)


def test_the_same_source_is_the_same_program(tmp_path):
    source = tmp_path / "elsewhere.c"
    shutil.copy(REPOSITORY / INIT, source)
    for place, program in ((REPOSITORY / INIT, "one"), (source, "other")):
        compile_init(place, tmp_path / program)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize(
    ("text", "env", "message"),
    [
        ("int unused(void) { int x; return 0; }", {}, "unused variable"),
        ("#include <linux/no_such_header.h>", {}, "apt-get install libc6-dev"),
        ("", {"CC": "no-such-compiler -m64"}, f"no-such-compiler: No such file or directory: {PACKAGES}"),
    ],
    ids=["warning", "header", "compiler"],
)
def test_what_cannot_be_compiled_leaves_the_program_that_was_there(tmp_path, text, env, message):
    target, source = tmp_path / "program", tmp_path / "init.c"
    target.write_text("as before")
    source.write_text(text)

    result = compile_init(source, target, **env)

    assert 1 == result.returncode
    assert message in result.stderr
    assert "as before" == target.read_text()
    assert {target, source} == set(tmp_path.iterdir())
