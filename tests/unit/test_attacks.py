"""Attacks: their headers, and that the documents say of them what is so."""

from __future__ import annotations

import pytest

from sandboxd.attack.program import Attack, InvalidAttack, default_directory, escapes, load_suite
from sandboxd.v1 import execution_service_pb2 as pb
from tests.hostile.coverage import DOCS, attacks_page, security_page, threats

ATTACKS = load_suite(default_directory())
HEADER = '# attack = "tries"\n# threats = [1]\n# outcome = "OK"\n'


def test_there_are_more_than_a_hundred():
    assert len(ATTACKS) > 100


def test_every_threat_is_tried_or_has_a_reason_why_not():
    tried = {number for attack in ATTACKS.values() for number in attack.header.threats}
    without = [
        number for number, threat in threats() if number not in tried and not threat.tests and not threat.untried
    ]

    assert [] == without
    assert tried <= {number for number, _ in threats()}


def test_documents_are_up_to_date():
    """Otherwise: python -m tests.hostile.coverage."""
    security = (DOCS / "security.md").read_text()

    assert attacks_page(ATTACKS) == (DOCS / "attacks.md").read_text()
    assert security_page(security, ATTACKS) == security


def test_a_program_is_its_header_and_its_text(tmp_path):
    path = tmp_path / "memory" / "a.sh"
    path.parent.mkdir()
    path.write_text(HEADER + '# limits = { memory_bytes = "1MiB", wall_time = "0.5s" }\n# args = ["x"]\nexit 1\n')
    request = Attack(path, "memory/a").request("strict", {"BAIT_PID": "1"})

    assert ("memory/a", "strict", "bash", ["x"]) == (
        request.request_id,
        request.policy,
        request.source.language,
        list(request.source.args),
    )
    assert (1 << 20, 500) == (request.limits.memory_bytes, request.limits.wall_time.ToMilliseconds())
    assert {"BAIT_PID": "1"} == dict(request.env)


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("# attack = 3\n", "attack"),
        ('# attack = "tries"\n', "threats"),
        (HEADER + "# surprise = 1\n", "surprise"),
        (HEADER + '# limits = { memory_bytes = "much" }\n', "much"),
        (HEADER + "# limits = { memory = 3 }\n", "memory"),
        (HEADER.replace("OK", "FINE"), "FINE"),
        ("# [\n", "a"),
    ],
)
def test_a_header_that_is_wrong_names_the_program_and_the_key(tmp_path, header, complaint):
    path = tmp_path / "a.py"
    path.write_text(header)

    with pytest.raises(InvalidAttack, match=f"memory/a: .*{complaint}"):
        Attack(path, "memory/a")


def test_a_companion_that_is_not_there(tmp_path):
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "a.py").write_text(HEADER + '# beside = "memory/b"\n')

    with pytest.raises(InvalidAttack, match="memory/a: there is no 'memory/b'"):
        load_suite(tmp_path)


def answer(**fields):
    """Return an answer to an attack that was contained."""
    run = pb.PhaseResult(verdict=pb.VERDICT_OK, exit_code=0, stdout=pb.Output(data=b"refused\n"))
    return pb.ExecuteResponse(verdict=pb.VERDICT_OK, fault_domain=pb.FAULT_DOMAIN_PROGRAM, run=run, **fields)


def test_what_is_an_escape():
    said, secret, file, platform = answer(), answer(), answer(files=[pb.File(path="f", content=b"..canary")]), answer()
    said.run.stderr.data = b"first\nESCAPED by the window\n"
    secret.run.stdout.data = b"a canary"
    platform.fault_domain = pb.FAULT_DOMAIN_PLATFORM

    assert [] == list(escapes(answer(), b"canary"))
    assert ["ESCAPED by the window"] == list(escapes(said, b"canary"))
    assert ["a secret of the host's came back"] == list(escapes(secret, b"canary")) == list(escapes(file, b"canary"))
    assert 1 == len(list(escapes(platform, b"canary")))


@pytest.mark.parametrize(
    ("promise", "difference"),
    [
        ("", []),
        ('# stdout = "refused\\n"\n', []),
        ('# stdout = "allowed\\n"\n', ["stdout 'refused\\n'"]),
        ("# exit_code = 1\n", ["exit code 0"]),
        ("# signal = 9\n", ["signal 0"]),
        ('# cause = "memory_bytes"\n', ["cause ''"]),
        ('# blocked_syscall = "mount"\n', ["blocked call ''"]),
        ('# files = ["f"]\n', ["files []"]),
        ('# skipped = { f = "gone" }\n', ["skipped files {}"]),
    ],
)
def test_what_is_a_difference(tmp_path, promise, difference):
    path = tmp_path / "a.py"
    path.write_text(HEADER + promise)

    assert difference == list(Attack(path, "memory/a").differences(answer()))


def test_another_verdict_is_a_difference(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(HEADER.replace("OK", "MEMORY_LIMIT"))

    assert ["verdict OK: "] == list(Attack(path, "memory/a").differences(answer()))
