"""ImageService: each method of the contract, over what the service does with images."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc

from sandboxd.api import handlers, translate_images
from sandboxd.api.handlers import Accounts, Finished
from sandboxd.errors import InvalidSubmission
from sandboxd.service.background import Event, Line
from sandboxd.service.commits import Committer
from sandboxd.service.executions import ExecutionService
from sandboxd.service.image_builds import ImageBuilder
from sandboxd.service.image_transfers import ImageTransfers
from sandboxd.service.images import ImageCatalog
from sandboxd.service.untaken import Untaken
from sandboxd.v1 import image_service_pb2 as pb

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["ImageService"].full_name


@dataclass(frozen=True, slots=True)
class Images:
    """What the methods are over."""

    catalog: ImageCatalog
    builder: ImageBuilder
    transfers: ImageTransfers
    committer: Committer
    executions: ExecutionService


class ImageServicer:
    """The methods, by the names of the contract."""

    def __init__(self, images: Images, untaken: Untaken) -> None:
        self._images = images
        self._untaken = untaken

    def handler(self, finished: Finished) -> grpc.GenericRpcHandler:
        """Return what a server is given."""
        accounts = Accounts(finished, self._untaken)
        methods = {
            "ListImages": handlers.unary(pb.ListImagesRequest, self.ListImages, accounts),
            "GetImage": handlers.unary(pb.GetImageRequest, self.GetImage, accounts),
            "PullImage": handlers.unary_stream(pb.PullImageRequest, self.PullImage, accounts),
            "PushImage": handlers.unary_stream(pb.PushImageRequest, self.PushImage, accounts),
            "ImportImage": handlers.stream_unary(pb.ImportImageRequest, self.ImportImage, accounts),
            "SaveImage": handlers.unary_stream(pb.SaveImageRequest, self.SaveImage, accounts),
            "TagImage": handlers.unary(pb.TagImageRequest, self.TagImage, accounts),
            "BuildImage": handlers.unary_stream(pb.BuildImageRequest, self.BuildImage, accounts),
            "PruneImages": handlers.unary(pb.PruneImagesRequest, self.PruneImages, accounts),
            "CommitExecution": handlers.unary(pb.CommitExecutionRequest, self.CommitExecution, accounts),
            "DiffExecution": handlers.unary(pb.DiffExecutionRequest, self.DiffExecution, accounts),
            "RemoveImage": handlers.unary(pb.RemoveImageRequest, self.RemoveImage, accounts),
        }
        return grpc.method_handlers_generic_handler(SERVICE_NAME, methods)

    async def ListImages(  # noqa: N802
        self, request: pb.ListImagesRequest, context: grpc.aio.ServicerContext
    ) -> pb.ListImagesResponse:
        """List what there is."""
        del context
        found = await self._images.catalog.list(request.language, with_versions=request.with_versions)
        return pb.ListImagesResponse(images=map(translate_images.from_image, found))

    async def GetImage(  # noqa: N802
        self, request: pb.GetImageRequest, context: grpc.aio.ServicerContext
    ) -> pb.GetImageResponse:
        """Tell of one."""
        del context
        return pb.GetImageResponse(
            image=translate_images.from_image(await self._images.catalog.get(request.name, with_versions=True))
        )

    async def PullImage(  # noqa: N802
        self, request: pb.PullImageRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.PullImageResponse]:
        """Bring one from a registry."""
        del context
        auth = translate_images.to_credentials(request)
        async for event in self._images.transfers.pull(request.reference, request.name, auth):
            if isinstance(event, Event):
                yield pb.PullImageResponse(**translate_images.from_event(event))
            else:
                yield pb.PullImageResponse(image=translate_images.from_image(event))

    async def PushImage(  # noqa: N802
        self, request: pb.PushImageRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.PushImageResponse]:
        """Put one into a registry."""
        del context
        auth = translate_images.to_credentials(request)
        async for event in self._images.transfers.push(request.name, request.reference, auth):
            if isinstance(event, Event):
                yield pb.PushImageResponse(**translate_images.from_event(event))
            else:
                yield pb.PushImageResponse(manifest_digest=event)

    async def ImportImage(  # noqa: N802
        self, requests: AsyncIterator[pb.ImportImageRequest], context: grpc.aio.ServicerContext
    ) -> pb.ImportImageResponse:
        """Take one out of a file."""
        del context
        first = await anext(requests, None)
        if first is None or first.WhichOneof("message") != "start":
            raise InvalidSubmission.of("start", "missing: the first message says how the image is to be named")
        image, notes = await self._images.transfers.take(first.start.name, first.start.wanted, _pieces(requests))
        return pb.ImportImageResponse(image=translate_images.from_image(image), notes=notes)

    async def SaveImage(  # noqa: N802
        self, request: pb.SaveImageRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.SaveImageResponse]:
        """Write one into a file."""
        del context
        as_root = request.format == pb.ARCHIVE_FORMAT_ROOT
        async for piece in self._images.transfers.save(request.name, as_root=as_root):
            yield pb.SaveImageResponse(data=piece)

    async def TagImage(  # noqa: N802
        self, request: pb.TagImageRequest, context: grpc.aio.ServicerContext
    ) -> pb.TagImageResponse:
        """Name one once more."""
        del context
        await self._images.catalog.tag(request.name, request.new_name)
        return pb.TagImageResponse()

    async def BuildImage(  # noqa: N802
        self, request: pb.BuildImageRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.BuildImageResponse]:
        """Make one of another."""
        del context
        async for event in self._images.builder.build(translate_images.to_wanted(request)):
            if isinstance(event, Line):
                yield pb.BuildImageResponse(progress=event.text)
            elif not isinstance(event, Event):
                yield pb.BuildImageResponse(image=translate_images.from_image(event))

    async def PruneImages(  # noqa: N802
        self, request: pb.PruneImagesRequest, context: grpc.aio.ServicerContext
    ) -> pb.PruneImagesResponse:
        """Remove what nobody needs."""
        del request, context
        return pb.PruneImagesResponse(freed_bytes=await self._images.catalog.prune())

    async def CommitExecution(  # noqa: N802
        self, request: pb.CommitExecutionRequest, context: grpc.aio.ServicerContext
    ) -> pb.CommitExecutionResponse:
        """Make one of what an execution has changed."""
        del context
        execution = self._images.executions.get(request.execution_id)
        image = await self._images.committer.commit(execution, translate_images.to_commit(request))
        return pb.CommitExecutionResponse(image=translate_images.from_image(image))

    async def DiffExecution(  # noqa: N802
        self, request: pb.DiffExecutionRequest, context: grpc.aio.ServicerContext
    ) -> pb.DiffExecutionResponse:
        """Tell what an execution has changed."""
        del context
        diff = await self._images.committer.diff(self._images.executions.get(request.execution_id))
        return await asyncio.to_thread(translate_images.from_diff, diff)  # there may be as many changes as inodes

    async def RemoveImage(  # noqa: N802
        self, request: pb.RemoveImageRequest, context: grpc.aio.ServicerContext
    ) -> pb.RemoveImageResponse:
        """Take a name away."""
        del context
        await self._images.catalog.remove(request.name)
        return pb.RemoveImageResponse()


async def _pieces(requests: AsyncIterator[pb.ImportImageRequest]) -> AsyncIterator[bytes]:
    async for message in requests:
        if message.WhichOneof("message") != "data":
            raise InvalidSubmission.of("data", "missing: what follows the first message is the file")
        yield message.data
