"""``make fuzz``: every target with atheris, which looks for inputs that reach code that no other has reached.

``FUZZ_S`` are the seconds for each target, ``ARGS`` the targets, by default all. What it learns is kept below .venv/fuzz,
and the next run begins with it; what breaks a target is kept there too, and named at the end.

With one target and a file that exists it runs that file alone.
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).parent / "corpus"
TARGETS = sorted(path.stem for path in (Path(__file__).parent / "targets").glob("*.py"))
_KEPT = Path(sys.prefix) / "fuzz"
_SECONDS = 60
# Beyond these an input is a finding: no parser of ours may take long, or much, for a few kilobytes.
_TIMEOUT_S = 10
_MOST_MEMORY_MIB = 2048
_MOST_INPUT_BYTES = 4096
_OURS = ["sandboxd", "tests.fuzz.targets", "tomllib", "fnmatch"]
_WORD = re.compile(rb'[A-Za-z_][A-Za-z0-9_.-]{2,40}|"[^"\\\n]{1,40}"')
_FOUND = re.compile(r"Test unit written to (\S+)")
_RUNS = re.compile(r"Done (\d+) (?:runs )?in (\d+) second")
_COVERED = re.compile(r"cov: (\d+)")


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one target."""

    target: str
    runs: int
    seconds: int
    covered: int
    found: tuple[str, ...]
    output: str

    def __str__(self) -> str:
        """Return the line of a table."""
        rate = self.runs // max(1, self.seconds)
        return f"{self.target:14}{self.runs:10} runs {rate:7}/s {self.covered:6} places  {', '.join(self.found) or 'nothing'}"


def load(target: str) -> Callable[[bytes], None]:
    """Return the function of a target."""
    return importlib.import_module(f"tests.fuzz.targets.{target}").fuzz


def corpus(target: str) -> list[Path]:
    """Return the files of a target that are in the repository."""
    return sorted((CORPUS / target).iterdir())


def fuzz(target: str, arguments: list[str]) -> None:
    """Fuzz in this process, which libFuzzer ends. Its arguments are corpora and flags."""
    import atheris

    with atheris.instrument_imports(include=_OURS):
        function = load(target)
    atheris.Setup([target, *arguments], function)
    atheris.Fuzz()


def run(target: str, seconds: int) -> Report:
    """Fuzz in a process of its own, and say what came of it."""
    learned, broken, words = (_KEPT / name / target for name in ("corpus", "crashes", "words"))
    for directory in (learned, broken, words.parent):
        directory.mkdir(parents=True, exist_ok=True)
    words.write_bytes(_dictionary(target))
    flags = {
        "artifact_prefix": f"{broken}/",
        "dict": words,
        "max_len": _MOST_INPUT_BYTES,
        "max_total_time": seconds,
        "rss_limit_mb": _MOST_MEMORY_MIB,
        "timeout": _TIMEOUT_S,
    }
    command = [sys.executable, "-m", "tests.fuzz.run", "--one", target, str(learned), str(CORPUS / target)]
    command += [f"-{name}={value}" for name, value in flags.items()]
    with tempfile.TemporaryDirectory(prefix="sandboxd-fuzz-") as scratch:  # libFuzzer ends a process without a farewell
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": scratch},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    return _report(target, done)


def _report(target: str, done: subprocess.CompletedProcess[str]) -> Report:
    output = done.stdout
    runs, seconds = map(int, (_RUNS.findall(output) or [(0, 0)])[-1])
    covered = int((_COVERED.findall(output) or [0])[-1])
    found = _FOUND.findall(output)
    if done.returncode and not found:
        found = [f"ended with {done.returncode}"]
    return Report(target, runs, seconds, covered, tuple(found), output)


def _dictionary(target: str) -> bytes:
    """Return the words of the corpus in libFuzzer's form: a key that is misspelt does not get far."""
    found = {word.strip(b'"') for path in corpus(target) for word in _WORD.findall(path.read_bytes())}
    return b"".join(b'"%s"\n' % word for word in sorted(found) if word.isascii() and b'"' not in word)


def main(names: list[str]) -> int:
    """Fuzz these targets, or all."""
    unknown = set(names) - {*TARGETS}
    if unknown:
        print(f"no such target: {', '.join(sorted(unknown))}; there are: {', '.join(TARGETS)}")
        return 2
    reports = []
    for target in names or TARGETS:
        reports.append(run(target, int(os.environ.get("FUZZ_S") or _SECONDS)))
        print(reports[-1], flush=True)
    broken = [report for report in reports if report.found]
    for report in broken:
        print(f"\n{report.target}: {', '.join(report.found)}\n{_end_of(report.output)}")
    if broken:
        print("\nA file that broke a target belongs into tests/fuzz/corpus/<target>/, where make test runs it.")
    return 1 if broken else 0


def _end_of(output: str) -> str:
    """Return the traceback and what libFuzzer says after it, without its statistics."""
    _, mark, rest = output.partition(" === Uncaught Python exception: ===")
    return f"{mark}{rest}".strip()[:4000] if mark else output[-2000:]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        fuzz(sys.argv[2], sys.argv[3:])
    sys.exit(main(sys.argv[1:]))
