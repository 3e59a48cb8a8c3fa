"""Collected files: below the chosen directory, through no link, over nothing that is there."""

from __future__ import annotations

import os

import pytest

from tests.cli.conftest import call, ended, the_line
from tests.cli.fake import faking

UNPRIVILEGED = ("setpriv", "--inh-caps=-dac_override", "--bounding-set=-dac_override")
WRITE = "mkdir -p sub/deep && echo new > sub/deep/f && echo new > top"


@pytest.fixture
def out(tmp_path):
    directory = tmp_path / "out"
    directory.mkdir()
    return directory


@pytest.fixture
def collect(sandboxd):
    """Run a shell command and collect everything into ./out."""

    def collect(command, *flags, umask=0o022):
        words = ("--output-dir", "out", *flags, "--", "sh", "-c", command)
        return sandboxd("run", "--collect", "**", *words, umask=umask)

    return collect


def content(directory):
    """Return what each file below a directory has."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_files_come_with_their_content_and_mode(collect, out):
    result = collect("mkdir -p a/b && head -c 300000 /dev/zero > a/b/z && : > empty && chmod 750 empty")

    assert (0, b"", b"") == (result.returncode, result.stdout, result.stderr)
    assert {"a/b/z": bytes(300_000), "empty": b""} == content(out)
    assert [0o644, 0o750] == [(out / name).stat().st_mode & 0o777 for name in ("a/b/z", "empty")]


def test_files_come_from_a_program_that_failed_too(collect, out):
    result = collect("echo kept > f; exit 3")

    assert (3, {"f": b"kept\n"}) == (result.returncode, content(out))


def test_by_default_they_come_here_and_only_those_that_match(sandboxd, tmp_path):
    result = sandboxd("run", "--collect", "*.txt", "--", "touch", "a.txt", "b.bin")

    assert (0, ["a.txt"]) == (result.returncode, os.listdir(tmp_path))


def test_nothing_comes_that_was_not_asked_for(sandboxd, tmp_path):
    sandboxd("run", "--", "touch", "a.txt")

    assert [] == os.listdir(tmp_path)


def test_a_directory_that_cannot_be_written_is_told_before_anything_runs(tmp_path, out):
    """By its mode, which root without the capability that overrides it has to obey."""
    out.chmod(0o555)
    words = ("--collect", "*", "--output-dir", "out", "--", "true")
    with faking(tmp_path) as fake:
        result = call("run", *words, under=UNPRIVILEGED, server=fake.address, cwd=tmp_path)

    assert (125, "sandboxd: --output-dir: out cannot be written") == (result.returncode, the_line(result))
    assert [] == fake.asked


def test_a_directory_is_no_matter_where_nothing_is_collected(sandboxd):
    result = sandboxd("run", "--output-dir", "missing", "--", "echo", "hello")

    assert (0, b"hello\n", b"") == (result.returncode, result.stdout, result.stderr)


def test_a_directory_that_goes_while_the_program_runs_is_told_after_it(start, out):
    """Each file with its reason; the program's own status and verdict do not hide it."""
    command = "echo ready; read gone; echo a > a; echo b > b; exit 3"
    process = start("run", "--collect", "*", "--output-dir", str(out), "--stdin", "-", "--", "sh", "-c", command)
    assert b"ready\n" == process.stdout.readline()
    out.rmdir()
    status, _, lines = ended(process)

    assert 125 == status
    assert [
        "sandboxd: not written: a: No such file or directory",
        "sandboxd: not written: b: No such file or directory",
        "sandboxd: NONZERO_EXIT: the program exited with status 3",
    ] == lines


def test_the_mask_of_this_process_holds(collect, out):
    """A program does not decide that everyone here may write."""
    collect("echo x > f; chmod 777 f", umask=0o027)

    assert 0o750 == (out / "f").stat().st_mode & 0o777


def test_what_is_there_is_not_overwritten(collect, out):
    """It is told, the others are written."""
    (out / "top").write_text("mine")
    result = collect(WRITE)

    assert (125, "sandboxd: not written: top: File exists") == (result.returncode, the_line(result))
    assert {"top": b"mine", "sub/deep/f": b"new\n"} == content(out)


def test_overwrite_replaces_it(collect, out):
    (out / "top").write_text("mine, and longer than the new one")
    result = collect(WRITE, "--overwrite")

    assert (0, b"") == (result.returncode, result.stderr)
    assert {"top": b"new\n", "sub/deep/f": b"new\n"} == content(out)


def test_what_is_there_and_the_same_is_no_matter(sandboxd, tmp_path):
    """A source file that ** collects again, for one."""
    (tmp_path / "hello.py").write_text("print('hello')")
    before = (tmp_path / "hello.py").stat()
    result = sandboxd("run", "--collect", "**", "hello.py")

    assert (0, b"hello\n", b"") == (result.returncode, result.stdout, result.stderr)
    assert before.st_mtime_ns == (tmp_path / "hello.py").stat().st_mtime_ns


@pytest.mark.parametrize("flags", [(), ("--overwrite",)])
def test_no_link_leads_out(collect, out, tmp_path, flags):
    """Neither one that stands for a file nor one that stands for a directory."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("mine")
    (out / "top").symlink_to(outside / "victim")
    (out / "sub").symlink_to(outside)
    result = collect(WRITE, *flags)

    assert 125 == result.returncode
    assert b"sandboxd: not written: sub/deep/f: Not a directory" in result.stderr.splitlines()
    assert {"victim": b"mine"} == content(outside)
    assert (out / "sub").is_symlink()
    assert bool(flags) == (not (out / "top").is_symlink())


@pytest.mark.parametrize("kind", ["directory", "dangling link", "fifo"])
def test_something_else_is_in_the_way(collect, out, tmp_path, kind):
    """The new file is empty: what reads from a fifo that nobody writes to is the same, and yet is another thing."""
    if kind == "directory":
        (out / "top").mkdir()
    elif kind == "dangling link":
        (out / "top").symlink_to(tmp_path / "nothing")
    else:
        os.mkfifo(out / "top")
    result = collect(": > top")

    assert (125, "sandboxd: not written: top: File exists") == (result.returncode, the_line(result))
    assert not (tmp_path / "nothing").exists()


def test_a_file_where_a_directory_is_wanted(collect, out):
    (out / "sub").write_text("mine")
    result = collect(WRITE)

    assert (125, "sandboxd: not written: sub/deep/f: Not a directory") == (result.returncode, the_line(result))
    assert {"sub": b"mine", "top": b"new\n"} == content(out)


def test_links_and_odd_names_of_the_programs(sandboxd, out):
    """What is no regular file or has no name that a message can carry is told; escapes stay on this side of the terminal."""
    code = """import os
os.symlink("/etc/passwd", "link"); os.mkfifo("\\x1b[31mfifo"); open(b"\\xff", "w"); open("line\\nbreak", "w")"""
    result = sandboxd("run", "--collect", "**", "--output-dir", "out", "--", "python3", "-c", code)

    assert 0 == result.returncode
    assert ["line\nbreak"] == os.listdir(out)
    assert [
        r"sandboxd: not collected: \x1b[31mfifo: not a regular file",
        "sandboxd: not collected: link: not a regular file",
        "sandboxd: not collected: \ufffd: its name is not UTF-8",
    ] == sorted(result.stderr.decode().splitlines())
