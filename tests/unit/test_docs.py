"""What the documentation refers to is there: tests, files, headings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
ROOMS = (
    "unit",
    "images",
    "container",
    "api",
    "cli",
    "faults",
    "hostile",
    "rootless",
    "images",
    "mutants",
    "benchmarks",
    "vm",
    "fuzz",
    "load",
    "soak",
)
TEST = re.compile(rf"`((?:{'|'.join(ROOMS)})/test_\w+)::(test_\w+)`")


def functions(path):
    """Return the names of a file's functions."""
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def anchors(page):
    """Return the anchors of a page's headings, as they are made from them on the web."""
    headings = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?s)```.*?```", "", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_promise_has_a_test():
    rows = [line for line in (REPOSITORY / "docs/specification.md").read_text().splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not re.match(r"\| (promise|verdict|-+) \|", row)]

    assert len(promises) > 100
    assert [] == [promise for promise in promises if not TEST.search(promise)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_is_named_exists(page):
    missing = [
        f"{file}::{function}"
        for file, function in TEST.findall(page.read_text())
        if not (path := REPOSITORY / f"tests/{file}.py").exists() or function not in functions(path)
    ]

    assert [] == missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text())
    dead = []
    for path, anchor in links:
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(f"{path}#{anchor}")

    assert [] == dead
