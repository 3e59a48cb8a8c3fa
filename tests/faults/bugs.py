"""What a server logs and must not: exceptions that nobody expected."""

from __future__ import annotations

import json
from typing import Any

from sandboxd.client.server import ServerProcess


def bugs(server: ServerProcess) -> list[dict[str, Any]]:
    """Return what a server has logged of exceptions that nobody expected, be it of the launcher's, which has the same log."""
    log = server.log()
    assert "Traceback" not in log, log
    whole = log[: log.rfind("\n") + 1]  # a line that is being written may be seen in part
    lines = [json.loads(line) for line in whole.splitlines()]
    return [line for line in lines if line["message"] == "a bug" or line["logger"] == "asyncio"]
