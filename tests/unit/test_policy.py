"""Policies as files: what is read, what is refused, and what a digest stands for."""

from __future__ import annotations

import shutil

import pytest

from sandboxd.errors import InvalidConfiguration
from sandboxd.model import MIB, SECOND_NS
from sandboxd.runtime.policy import default_directory, load_policies


@pytest.fixture
def directory(tmp_path):
    """A directory with the shipped policy."""
    return shutil.copytree(default_directory(), tmp_path / "policies")


def edit(directory, old, new, name="default.toml"):
    text = (directory / name).read_text()
    assert old in text
    (directory / name).write_text(text.replace(old, new, 1))


def digest(directory):
    return load_policies(directory)["default"].digest


def test_the_shipped_one_has_the_documented_limits():
    policy = load_policies(default_directory())["default"]

    assert (10 * SECOND_NS, 30 * SECOND_NS, 256 * MIB, 64) == (
        policy.defaults.cpu_time_ns,
        policy.defaults.wall_time_ns,
        policy.defaults.memory_bytes,
        policy.defaults.processes,
    )
    assert (4 * MIB, 4096) == (policy.floors.memory_bytes, policy.ceilings.processes)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("inodes = 16384", "inode = 16384", "inode: unknown key; known are"),
        ("inodes = 16384", "", "inodes: missing"),
        ("inodes = 16384", "inodes = 15", "inodes: must be a number of at least 16"),
        ('cpu_time = "10s"', "cpu_time = 10", "defaults.cpu_time: must be a duration such as '2s'"),
        ('cpu_time = "10s"', 'cpu_time = "ten"', "defaults.cpu_time: 'ten' is not a duration"),
        ('cpu_time = "10s"', 'cpu_time = "0s"', "defaults.cpu_time: must be above 0"),
        (
            'cpu_time = "10s"',
            'cpu_time = "11m"',
            "defaults.cpu_time: not between floors.cpu_time and ceilings.cpu_time",
        ),
        ("cpu_shares = 1024", "cpu_shares = true", "defaults.cpu_shares: must be a whole number"),
        ('memory_bytes = "256MiB"', 'memory_bytes = "lots"', "defaults.memory_bytes: 'lots' is not a size"),
        ('cpus = "all"', "cpus = inf", "defaults.cpus: must be a number of CPUs, or 'all'"),
        ('cpus = "all"', "cpus = nan", "defaults.cpus: must be a number of CPUs, or 'all'"),
        ('cpus = "all"', 'cpus = "2"', "defaults.cpus: must be a number of CPUs, or 'all'"),
        ('cpus = "all"', f"cpus = 1{'0' * 400}", "defaults.cpus: must be a number of CPUs"),
        ("processes = 64", f"processes = {1 << 63}", "defaults.processes: must be at most"),
        ('memory_bytes = "256MiB"', 'memory_bytes = "9999999999999GiB"', "defaults.memory_bytes: must be at most"),
        ("inodes = 16384", f"inodes = {1 << 63}", "inodes: must be a number of at least 16 and at most"),
        ("inodes = 16384", f"inodes = {'[' * 5000}", "recursion"),
        ("processes = 64", "proceses = 64", "defaults.proceses: unknown key"),
        ('seccomp = "default.json"', 'seccomp = "../default.json"', "must be a file beside the policy"),
        ('seccomp = "default.json"', 'seccomp = "gone.json"', "gone.json"),
        ("[floors]", "[floor]", "floor: unknown key"),
        ("commit = false", "commit = 1", "commit: must be true or false"),
        ("commit = false", "comit = false", "comit: unknown key; known are ceilings, commit, "),
    ],
)
def test_what_is_wrong_is_named_with_its_file(directory, old, new, text):
    edit(directory, old, new)
    with pytest.raises(InvalidConfiguration) as error:
        load_policies(directory)

    assert str(directory) in str(error.value)
    assert text in str(error.value)


def test_a_name_is_no_path(directory):
    shutil.copy(directory / "default.toml", directory / "No Name.toml")
    with pytest.raises(InvalidConfiguration, match="a policy's name is"):
        load_policies(directory)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("default.toml", "processes = 64", "processes = 65"),
        ("default.toml", "inodes = 16384", "inodes = 16385"),
        ("default.json", '"reboot", ', ""),
        ("default.json", '"errnoRet": 97', '"errnoRet": 1'),
    ],
)
def test_a_digest_is_of_limits_and_filter(directory, name, old, new):
    before = digest(directory)
    edit(directory, old, new, name)

    assert before != digest(directory)


def test_a_digest_is_not_of_words(directory):
    before = digest(directory)
    edit(directory, "No network, no privileges", "Nothing")

    assert before == digest(directory)


def test_images_are_made_of_what_programs_leave_only_where_it_says_so(directory):
    """Programs do not see it, so the digest is the same."""
    found = []
    for text in ("commit = false", "commit = true", ""):
        shutil.copy(default_directory() / "default.toml", directory)
        edit(directory, "commit = false", text)
        found.append((load_policies(directory)["default"].commit, digest(directory)))

    assert [False, True, False] == [commit for commit, _ in found]
    assert 1 == len({digest for _, digest in found})
