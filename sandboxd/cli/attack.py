"""``doctor --attack``: the hostile suite on this machine, against the server that its configuration makes."""

from __future__ import annotations

import fnmatch
import json
import os
import tempfile
from collections.abc import Iterator, Sequence

import click

from sandboxd.attack.guard import guarded, withdraw
from sandboxd.attack.program import default_directory, load_suite
from sandboxd.attack.suite import Result, Suite
from sandboxd.attack.target import STEADY_POOL, attacked
from sandboxd.cli.connect import printable
from sandboxd.config import Config, variables


def attack(config: Config, policy: str, only: str, *, as_json: bool) -> bool:
    """Run the attacks whose names match against a server of this configuration, and print a report.

    Returns whether all were contained.

    UsageError where no name matches, ServerFailed where the server does not start, LeftBehind where it leaves something.
    """
    attacks = load_suite(default_directory())
    names = fnmatch.filter(attacks, only)
    if not names:
        raise click.UsageError(f"--only {only!r}: no attack has such a name")
    withdraw()
    for variable in variables():  # what they say is in the configuration
        os.environ.pop(variable, None)
    with tempfile.NamedTemporaryFile("w", prefix="sandboxd-", suffix=".toml") as file, guarded() as guard:
        file.write(config.private("/", cgroup_parent="").to_toml())
        file.flush()
        most = str(min(STEADY_POOL, config.pool_max))
        with attacked("--config", file.name, "--pool-max", most, policy=policy, guard=guard) as target:
            suite = Suite(attacks, target)
            before_s = target.latency_s()
            results = list(_told(map(suite.run, names), len(names), as_json=as_json))
    if as_json:
        click.echo(json.dumps([_plain(result) for result in results], indent=2))
    else:
        click.echo(_summary(results, before_s))
    return all(result.contained for result in results)


def _told(results: Iterator[Result], count: int, *, as_json: bool) -> Iterator[Result]:
    """Pass results on, and print each as it comes; of JSON, which comes as a whole, say on stderr how far it is."""
    for number, result in enumerate(results, 1):
        if as_json:
            click.echo(f"\r{number}/{count}", nl=number == count, err=True)
        else:
            mark = "ok  " if result.exact else "lost" if result.lost else "differs" if result.contained else "ESCAPED"
            click.echo(f"{mark:<8}{result.attack.name:<36}{result.verdict:<20}{printable(result.attack.header.attack)}")
            for what in (*result.escapes, *result.differences):
                click.echo(f"        {printable(what)}")
            if result.lost:
                click.echo(f"        only a server with more rights holds against it: {result.attack.header.needs}")
        yield result


def _plain(result: Result) -> dict[str, object]:
    return {
        "name": result.attack.name,
        "attack": result.attack.header.attack,
        "threats": result.attack.header.threats,
        "verdict": result.verdict,
        "contained": result.contained and not result.lost,
        "needs": result.attack.header.needs,
        "escapes": result.escapes,
        "differences": result.differences,
        "slowest_answer_to_others_s": result.slowest_s,
        "next_execution_s": result.latency_s,
    }


def _summary(results: Sequence[Result], before_s: float) -> str:
    contained = sum(not result.escapes for result in results)
    lost = sum(result.lost for result in results)
    exact = sum(result.exact for result in results)
    after = sorted(result.latency_s for result in results)
    return (
        f"\n{len(results)} attacks: {contained} contained, {exact} of them with exactly the promised answer\n"
        + (f"{lost} lost, for the server is not the host's root: docs/security.md\n" if lost else "")
        + f"an execution of true took {before_s * 1e3:.1f} ms before the first, {after[len(after) // 2] * 1e3:.1f} ms "
        f"(median) after each; others waited for an answer at most {max(r.slowest_s for r in results) * 1e3:.0f} ms"
    )
