# outcome = "NONZERO_EXIT"
x = 1
from __future__ import annotations
