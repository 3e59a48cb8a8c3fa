"""The only place where errors become gRPC statuses."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from sandboxd import errors
from sandboxd.images.oci import registry_errors
from sandboxd.images.oci.registry_errors import RegistryError

log = logging.getLogger(__name__)

DOMAIN = "sandboxd"
# gRPC's clients take 8 KiB of headers unless told otherwise, and the status is in them twice: as text, and as base64.
MAX_MESSAGE_BYTES = 1024
MAX_DETAILS_BYTES = 2048

STATUS: dict[type[errors.SandboxError], int] = {
    errors.InvalidSubmission: code_pb2.INVALID_ARGUMENT,
    errors.UnknownExecution: code_pb2.NOT_FOUND,
    errors.UnknownImage: code_pb2.NOT_FOUND,
    errors.UnknownService: code_pb2.NOT_FOUND,
    errors.ForeignImage: code_pb2.FAILED_PRECONDITION,
    errors.BuildFailed: code_pb2.FAILED_PRECONDITION,
    errors.CommitForbidden: code_pb2.PERMISSION_DENIED,
    errors.ImagesFixed: code_pb2.PERMISSION_DENIED,
    errors.NotAttachable: code_pb2.FAILED_PRECONDITION,
    errors.Overloaded: code_pb2.RESOURCE_EXHAUSTED,
    errors.DeadlinePassed: code_pb2.DEADLINE_EXCEEDED,
    errors.Draining: code_pb2.UNAVAILABLE,
    errors.SetupFailed: code_pb2.INTERNAL,
    errors.ContainerLost: code_pb2.INTERNAL,
    errors.InvalidConfiguration: code_pb2.FAILED_PRECONDITION,
    errors.InvalidImage: code_pb2.FAILED_PRECONDITION,
    errors.HostUnfit: code_pb2.INTERNAL,
    errors.StoreFailed: code_pb2.INTERNAL,
    errors.Stalled: code_pb2.ABORTED,
}


_OF_REGISTRIES: dict[type[RegistryError], int] = {
    registry_errors.NotInRegistry: code_pb2.NOT_FOUND,
    registry_errors.Unreachable: code_pb2.UNAVAILABLE,
    registry_errors.BrokenOff: code_pb2.UNAVAILABLE,
    registry_errors.RegistryUnavailable: code_pb2.UNAVAILABLE,
}
"""All others are FAILED_PRECONDITION: something has to be different before the same can succeed."""


def to_status(error: BaseException) -> status_pb2.Status:
    """Return the status of an error, with its details. What is no SandboxError is a bug of ours, and is logged."""
    if not isinstance(error, errors.SandboxError):
        log.error("a bug", exc_info=error)
        return _status(code_pb2.INTERNAL, "internal error", _platform("BUG", {}))
    if isinstance(error, RegistryError):
        return _status(_OF_REGISTRIES.get(type(error), code_pb2.FAILED_PRECONDITION), str(error))
    return _status(STATUS[type(error)], str(error), *_details(error))


async def abort(context: grpc.aio.ServicerContext, error: BaseException) -> NoReturn:
    """End the call with the status of ``error``."""
    await context.abort_with_status(rpc_status.to_status(to_status(error)))
    raise AssertionError("abort returned")


def _details(error: errors.SandboxError) -> list[Message]:
    match error:
        case errors.InvalidSubmission():
            return [_bad_request(error.violations)]
        case errors.Overloaded():
            delay = Duration()
            delay.FromNanoseconds(round(error.retry_after_s * 1e9))
            return [error_details_pb2.RetryInfo(retry_delay=delay)]
        case errors.SetupFailed():
            return [_platform("SETUP_FAILED", {"step": error.step, "errno": str(error.errno)})]
        case errors.StoreFailed():
            return [_platform("STORE_FAILED", {})]
        case errors.ContainerLost() | errors.HostUnfit():
            return [_platform("CONTAINER_LOST", {})]
        case _:
            return []


def _bad_request(violations: Sequence[errors.Violation]) -> error_details_pb2.BadRequest:
    """Name the bad fields, as many as a client's headers have room for; there is always one."""
    request = error_details_pb2.BadRequest()
    for violation in violations:
        request.field_violations.add(field=violation.field, description=violation.description)
        if request.ByteSize() > MAX_DETAILS_BYTES and len(request.field_violations) > 1:
            del request.field_violations[-1]
            break
    return request


def _platform(reason: str, metadata: dict[str, str]) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata={"fault_domain": "PLATFORM", **metadata})


def _status(code: int, message: str, *details: Message) -> status_pb2.Status:
    packed = []
    for detail in details:
        any_ = any_pb2.Any()
        any_.Pack(detail)
        packed.append(any_)
    return status_pb2.Status(code=code, message=_cut(message), details=packed)


def _cut(message: str) -> str:
    """Shorten a message; in a header every byte beyond ASCII takes three."""
    return message if len(message.encode()) <= MAX_MESSAGE_BYTES else f"{message[: MAX_MESSAGE_BYTES // 4]}…"
