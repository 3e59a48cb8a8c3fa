"""The contract's methods on one channel, for programs that want no stubs of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, BinaryIO, Self

import grpc
from google.protobuf.duration_pb2 import Duration

from sandboxd.v1 import execution_service_pb2 as pb
from sandboxd.v1 import execution_service_pb2_grpc as pb_grpc
from sandboxd.v1 import image_service_pb2 as image_pb
from sandboxd.v1 import image_service_pb2_grpc as image_pb_grpc

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
DEFAULT_ADDRESS = "127.0.0.1:50051"
_PIECE_BYTES = 1 << 20
_SCREAMING = re.compile(r"(?<=[a-z])(?=[A-Z])")


class SandboxClient:
    """A connection to a server at HOST:PORT or unix:PATH; with ``credentials`` over TLS. Close it, or use ``with``.

    Every method raises grpc.RpcError where there is no answer.
    """

    def __init__(self, address: str = DEFAULT_ADDRESS, *, credentials: grpc.ChannelCredentials | None = None) -> None:
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ]
        if credentials is None:
            self.channel = grpc.insecure_channel(address, options)
        else:
            self.channel = grpc.secure_channel(address, credentials, options)
        self.stub = pb_grpc.ExecutionServiceStub(self.channel)  # type: ignore[no-untyped-call]
        self.images = Images(self.channel)

    def execute(self, request: pb.ExecuteRequest, *, timeout: float | None = None) -> pb.ExecuteResponse:
        """Run a submission to its end. ``timeout`` in seconds is the call's deadline."""
        response: pb.ExecuteResponse = self.stub.Execute(request, timeout=timeout)
        return response

    def run(
        self,
        language: str,
        code: str | bytes,
        *,
        stdin: bytes = b"",
        wall_time_s: float | None = None,
        memory_bytes: int | None = None,
    ) -> pb.ExecuteResponse:
        """Run one file of source code."""
        data = code.encode() if isinstance(code, str) else code
        limits = pb.Limits()
        if wall_time_s is not None:
            limits.wall_time.CopyFrom(duration(round(wall_time_s * 1e9)))
        if memory_bytes is not None:
            limits.memory_bytes = memory_bytes
        source = pb.Source(language=language, code=data)
        return self.execute(pb.ExecuteRequest(source=source, stdin=stdin, limits=limits))

    def stream(self, messages: Iterable[pb.ExecuteStreamRequest]) -> Iterator[pb.ExecuteStreamResponse]:
        """Run a submission with its streams open; the iterator has ``cancel()``."""
        call: Iterator[pb.ExecuteStreamResponse] = self.stub.ExecuteStream(iter(messages))
        return call

    def list(self, *, include_ended: bool = False) -> list[pb.Execution]:
        """List what is queued or runs, and on request what has ended and is remembered."""
        return list(self.stub.ListExecutions(pb.ListExecutionsRequest(include_ended=include_ended)).executions)

    def cancel(self, execution_id: str, *, grace_s: float = 0.0) -> None:
        """End an execution and wait until it has: by SIGTERM and, after ``grace_s``, by a kill; or by that at once."""
        request = pb.CancelExecutionRequest(execution_id=execution_id)
        if grace_s > 0:
            request.grace_period.CopyFrom(duration(round(grace_s * 1e9)))
        self.stub.CancelExecution(request)

    def logs(self, execution_id: str, *, follow: bool = False) -> Iterator[pb.StreamLogsResponse]:
        """Replay an execution's output, and follow it."""
        call: Iterator[pb.StreamLogsResponse] = self.stub.StreamLogs(
            pb.StreamLogsRequest(execution_id=execution_id, follow=follow)
        )
        return call

    def attach(self, messages: Iterable[pb.AttachExecutionRequest]) -> Iterator[pb.AttachExecutionResponse]:
        """Join a running execution."""
        call: Iterator[pb.AttachExecutionResponse] = self.stub.AttachExecution(iter(messages))
        return call

    def close(self) -> None:
        """Close the channel."""
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Images:
    """ImageService's methods."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.stub = image_pb_grpc.ImageServiceStub(channel)  # type: ignore[no-untyped-call]

    def list(self, language: str = "", *, with_versions: bool = False) -> list[image_pb.Image]:
        """List images, or those that have a language, by name."""
        request = image_pb.ListImagesRequest(language=language, with_versions=with_versions)
        return list(self.stub.ListImages(request).images)

    def get(self, name: str) -> image_pb.Image:
        """Tell everything about one."""
        image: image_pb.Image = self.stub.GetImage(image_pb.GetImageRequest(name=name)).image
        return image

    def tag(self, name: str, new_name: str) -> None:
        """Give an image one more name."""
        self.stub.TagImage(image_pb.TagImageRequest(name=name, new_name=new_name))

    def build(self, request: image_pb.BuildImageRequest) -> Iterator[image_pb.BuildImageResponse]:
        """Make an image: lines of progress, and at last the image."""
        call: Iterator[image_pb.BuildImageResponse] = self.stub.BuildImage(request)
        return call

    def pull(
        self, reference: str, name: str = "", *, auth: image_pb.RegistryAuth | None = None
    ) -> Iterator[image_pb.PullImageResponse]:
        """Bring an image from a registry: what happens, and at last the image."""
        request = image_pb.PullImageRequest(reference=reference, name=name, auth=auth)
        call: Iterator[image_pb.PullImageResponse] = self.stub.PullImage(request)
        return call

    def push(
        self, name: str, reference: str, *, auth: image_pb.RegistryAuth | None = None
    ) -> Iterator[image_pb.PushImageResponse]:
        """Put an image into a registry: what happens, and at last its manifest's digest."""
        request = image_pb.PushImageRequest(name=name, reference=reference, auth=auth)
        call: Iterator[image_pb.PushImageResponse] = self.stub.PushImage(request)
        return call

    def take(self, name: str, file: BinaryIO, *, wanted: str = "") -> image_pb.ImportImageResponse:
        """Take an image out of a file; ``wanted`` says which, where it has several."""

        def messages() -> Iterator[image_pb.ImportImageRequest]:
            yield image_pb.ImportImageRequest(start=image_pb.ImportStart(name=name, wanted=wanted))
            while data := file.read(_PIECE_BYTES):
                yield image_pb.ImportImageRequest(data=data)

        response: image_pb.ImportImageResponse = self.stub.ImportImage(messages())
        return response

    def save(self, name: str, *, as_root: bool = False) -> Iterator[bytes]:
        """Write an image into a file: yields its pieces. An OCI layout, or the root file system alone."""
        kind = image_pb.ARCHIVE_FORMAT_ROOT if as_root else image_pb.ARCHIVE_FORMAT_OCI
        for response in self.stub.SaveImage(image_pb.SaveImageRequest(name=name, format=kind)):
            yield response.data

    def commit(self, execution_id: str, name: str, *, message: str = "", author: str = "") -> image_pb.Image:
        """Make an image of what a running execution's workspace has now."""
        request = image_pb.CommitExecutionRequest(execution_id=execution_id, name=name, message=message, author=author)
        image: image_pb.Image = self.stub.CommitExecution(request).image
        return image

    def diff(self, execution_id: str) -> image_pb.DiffExecutionResponse:
        """Tell what a running execution's workspace has that its image's has not, and the other way round."""
        response: image_pb.DiffExecutionResponse = self.stub.DiffExecution(
            image_pb.DiffExecutionRequest(execution_id=execution_id)
        )
        return response

    def prune(self) -> int:
        """Remove what no image needs and nothing that runs; returns how many bytes that were."""
        freed: int = self.stub.PruneImages(image_pb.PruneImagesRequest()).freed_bytes
        return freed

    def remove(self, name: str) -> None:
        """Take a name away."""
        self.stub.RemoveImage(image_pb.RemoveImageRequest(name=name))


def short_name(value: int, kind: Any) -> str:
    """Return the name of an enum's value without the enum's own; a value that a newer server knows, as its number."""
    prefix = f"{_SCREAMING.sub('_', kind.DESCRIPTOR.name).upper()}_"
    known = kind.DESCRIPTOR.values_by_number.get(value)
    return known.name.removeprefix(prefix) if known else f"{prefix}{value}"


def duration(nanoseconds: int) -> Duration:
    """Return a Duration of so many nanoseconds."""
    return Duration(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)
