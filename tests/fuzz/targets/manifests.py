"""The manifest of an image."""

from __future__ import annotations

from sandboxd import paths
from sandboxd.errors import InvalidConfiguration
from sandboxd.images.manifest import Manifest, expand, load_manifest
from tests.fuzz import files

_MOST = 1 << 63
_FILES = ["-o.c", "@x.py", "a b.c", "{entrypoint}"]


def fuzz(data: bytes) -> None:
    """Make a manifest whose languages can start something, or raise InvalidConfiguration that names the file.

    A program's words and variables have no NUL, a nameless program's file lies in the workspace, and one name means one
    language.
    """
    path = files.put(files.directory("manifests") / "manifest.toml", data)
    try:
        manifest = load_manifest(path)
    except InvalidConfiguration as error:
        assert str(error).startswith(f"{path}: "), error  # noqa: PT017  (what else is raised is the finding)
        return
    _check(manifest)


def _check(manifest: Manifest) -> None:
    names = [name for language in manifest.languages.values() for name in {language.name, *language.aliases}]
    assert len(names) == len(set(names)), names
    _check_env(manifest.env)
    for name, language in manifest.languages.items():
        assert name == language.name
        assert paths.problem(language.source) is None, language.source
        assert "/" not in language.source
        _check_env(language.env)
        floors = language.min_memory_bytes, language.compile_min_memory_bytes, language.compile_min_processes
        assert all(0 <= floor < _MOST for floor in floors), floors
        for template in filter(None, (language.run, language.compile)):
            argv = expand(template, _FILES[0], _FILES)
            assert argv[0]
            assert not any("\0" in word for word in argv), argv
            # A compiler must not take a file's name for an option of its own.
            assert not any(word in _FILES[:2] for word in argv if word not in template), argv


def _check_env(env: dict[str, str]) -> None:
    for name, value in env.items():
        assert name
        assert not {"=", "\0"} & {*name}, name
        assert "\0" not in value, name
