"""What a warm run must have been started from: the one place that knows for which requests there are templates."""

from __future__ import annotations

from sandboxd.v1 import execution_service_pb2 as pb

TEMPLATES = True
"""Whether the default image has a template for Python. Without one, warm runs come of the pool."""


def warm_start(request: pb.ExecuteRequest) -> pb.Start:
    """Return how a request must be started that does not ask for a cold start, once there is what it can be started from.

    A terminal, a stack of another size than the policy's, and an environment of the request's no template has.
    """
    unusual = request.tty or request.env or request.report_refused_syscalls or request.limits.HasField("stack_bytes")
    return pb.START_TEMPLATE if TEMPLATES and request.source.language == "python" and not unusual else pb.START_POOLED
