# outcome = "NONZERO_EXIT"
from __future__ import braces
