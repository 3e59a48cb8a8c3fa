"""The seed of what happens at random, and how often it does.

TEST_SEED repeats the choices of a run, whose report has its seed in the first lines; not its moments, which are the
machine's too. TEST_ROUNDS is how many times something is killed, in all.
"""

from __future__ import annotations

import os
import random

from tests.slowness import SLOWNESS

SEED = os.environ.get("TEST_SEED") or str(random.SystemRandom().randrange(1 << 32))
ROUNDS = int(os.environ.get("TEST_ROUNDS") or (24 if SLOWNESS == 1 else 4))


def chance_of(*names: object) -> random.Random:
    """Return the chance of one thing, which no other draws from."""
    return random.Random(" ".join(map(str, (SEED, *names))))
