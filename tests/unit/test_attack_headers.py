"""Headers of attacks: what is wrong with one is named with its program."""

from __future__ import annotations

import pytest

from sandboxd.attack.program import Attack, InvalidAttack
from sandboxd.v1 import execution_service_pb2 as pb

GOOD = b"""# attack = "x"
# threats = [1]
# limits = { memory_bytes = "48MiB", cpu_time = "2s" }
# outcome = "MEMORY_LIMIT"
"""


def attack(path, content):
    path.write_bytes(content)
    return Attack(path, "memory/x")


def test_a_header_is_the_comment_at_the_head(tmp_path):
    read = attack(tmp_path / "x.py", GOOD + b"\nprint(1)\n# outcome = 'OK'\n")

    assert pb.VERDICT_MEMORY_LIMIT == read.verdict
    assert "x" == read.header.attack


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"[1]", b"[1"),
        (b"[1]", b"[" * 5000),
        (b'"x"', b'"\xff"'),
        (b"48MiB", b"9" * 400 + b".5"),
        (b'"2s"', b"2"),
        (b"cpu_time", b"cpu_tim"),
        (b"MEMORY_LIMIT", b"WAT"),
        (b"attack", b"attac"),
    ],
    ids=lambda value: ascii(value[:20]),
)
def test_what_is_wrong_is_named_with_its_program(tmp_path, old, new):
    assert old in GOOD
    with pytest.raises(InvalidAttack, match=r"^memory/x: "):
        attack(tmp_path / "x.py", GOOD.replace(old, new))
