"""What commands exit with, as container tools have it."""

from __future__ import annotations

EXIT_OURS = 125
"""sandboxd itself failed, or refused what was asked."""
EXIT_TIME_LIMIT = 124
"""As of timeout(1)."""
EXIT_SIGNAL = 128
"""Plus the signal's number."""
