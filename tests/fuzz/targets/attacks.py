"""The header of an attack of the hostile suite."""

from __future__ import annotations

from sandboxd.attack.program import Attack, InvalidAttack
from sandboxd.v1 import execution_service_pb2 as pb
from tests.fuzz import files

_SUFFIXES = (".py", ".sh", ".c")


def fuzz(data: bytes) -> None:
    """Make an attack whose request can be sent, or raise InvalidAttack that names the program.

    The first byte is the language.
    """
    directory = files.directory("attacks")
    kind, name = directory / "kind", "kind/attack"
    if not kind.is_dir():
        for place in (kind, directory / "lib"):
            place.mkdir()
        for library in ("attack.py", "attack.h"):
            files.put(directory / "lib" / library, b"")
    suffix = _SUFFIXES[data[0] % len(_SUFFIXES)] if data else _SUFFIXES[0]
    try:
        attack = Attack(files.put(kind / f"attack{suffix}", data[1:]), name)
    except InvalidAttack as error:
        assert str(error).startswith(f"{name}: "), error  # noqa: PT017  (what else is raised is the finding)
        return
    request = attack.request("default", {"BAIT": "1"})
    assert pb.ExecuteRequest.FromString(request.SerializeToString()) == request
    assert request.source.files[0].content == data[1:]
    assert attack.verdict in pb.Verdict.values()
