"""Work that is done by a process of its own, contained: what a hostile archive does to its parser, it does not do to who sent it.

    python -P -m MODULE ORDER

ORDER is JSON. What is done is told on standard output, a line of JSON each; the last is ``{}`` or the error.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sandboxd import errors
from sandboxd.errors import InvalidImage, SandboxError, StoreFailed
from sandboxd.images import commands
from sandboxd.images.versions import Progress

_FIRST_OF_ALL = 1000
_TOLD = {
    kind.__name__: kind for kind in (errors.InvalidImage, errors.HostUnfit, errors.ForeignImage, errors.BuildFailed)
}


def send(module: str, order: dict[str, Any], progress: Progress, fds: Sequence[int] = ()) -> None:
    """Have a module obey an order, in a process without a network that ends with this one. Raises what it raised, or StoreFailed."""
    argv = commands.contained(commands.python(module, json.dumps(order)))
    env = {"PATH": commands.PATH, "PYTHONPATH": commands.PACKAGE_PARENT}
    message: dict[str, Any] = {"progress": ""}
    with tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(
            argv, env=env, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints
        ) as child:
            assert child.stdout is not None
            for line in child.stdout:
                message = json.loads(line)
                if "progress" in message:
                    progress(message["progress"])
        complaints.seek(0)
        last = (complaints.read().decode(errors="replace").splitlines() or [""])[-1]
    if "error" in message:
        raise _TOLD.get(message["error"], StoreFailed)(message["text"])
    if message or child.returncode:
        raise StoreFailed(f"taking the image in ended early, with status {child.returncode}: {last}")


def obey(work: Callable[[dict[str, Any], Progress], None]) -> None:
    """Do, in such a process, what the order says, and tell what came of it. Where memory runs out, the kernel ends it before all others."""
    Path("/proc/self/oom_score_adj").write_text(str(_FIRST_OF_ALL))
    try:
        work(json.loads(sys.argv[1]), lambda text: _tell({"progress": text}))
    except SandboxError as error:
        _tell({"error": type(error).__name__, "text": str(error)})
    except OSError as error:
        _tell({"error": "StoreFailed", "text": f"the image store: {error.strerror or error}"})
    except MemoryError:
        _tell({"error": InvalidImage.__name__, "text": "it takes more memory than there is"})
    else:
        _tell({})


def _tell(message: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
