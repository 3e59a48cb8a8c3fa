"""How many times as long as usual a test must allow things to take: 1, or what TEST_SLOWNESS says of the machine.

An emulated machine takes ten times as long for everything but to sleep, and when others use its host, twice that. Upper
bounds of time are multiplied by it, and limits under which a program must get somewhere.
"""

from __future__ import annotations

import os

SLOWNESS = int(os.environ.get("TEST_SLOWNESS", "1"))
