"""Runs one module of CPython's own test suite, and writes down how each test ended: the program of test_cpython.py."""

import os
import sys
import unittest

import test as package
from test import support

OUTCOMES = "outcomes.txt"
# The image has test.support and little else of the package: the rest lies beside this file.
package.__path__.append(os.path.abspath("test"))
support.TEST_HOME_DIR = os.path.abspath("test")
support.STDLIB_DIR = os.path.abspath(".")


class Outcomes(unittest.TestResult):
    """One line a test: how it ended, with the type of the exception where there was one, and its name."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def add(self, outcome, case):
        self.lines.append(f"{outcome} {case.id()}")

    def addSuccess(self, case):
        self.add("ok", case)

    def addFailure(self, case, error):
        self.add(f"FAILED:{error[0].__name__}", case)

    def addError(self, case, error):
        self.add(f"ERROR:{error[0].__name__}", case)

    def addSkip(self, case, reason):
        self.add("skipped", case)

    def addExpectedFailure(self, case, error):
        self.add("expected-failure", case)

    def addUnexpectedSuccess(self, case):
        self.add("unexpected-success", case)

    def addSubTest(self, case, subtest, error):
        if error is not None:
            self.add(f"FAILED-IN-PART:{error[0].__name__}", subtest)


def chosen(suite, excluded):
    """Yield the tests of a suite, but for those whose names have one of the words in them."""
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from chosen(part, excluded)
        elif not any(word in part.id() for word in excluded):
            yield part


def main():
    with open("module.txt") as file:
        name, *excluded = file.read().split()
    support.use_resources = []  # no network, no large files, nothing that takes minutes
    support.verbose = 0
    outcomes = Outcomes()
    suite = unittest.TestSuite(chosen(unittest.defaultTestLoader.loadTestsFromName(name), excluded))
    suite.run(outcomes)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), OUTCOMES), "w") as file:
        file.write("".join(f"{line}\n" for line in sorted(outcomes.lines)))


if __name__ == "__main__":
    sys.exit(main())
