"""Between ImageService's messages and the model's values."""

from __future__ import annotations

from typing import Any, cast

from google.protobuf.timestamp_pb2 import Timestamp

from sandboxd import model
from sandboxd.images.oci.credentials import Credentials
from sandboxd.model import SECOND_NS
from sandboxd.service import commits
from sandboxd.service.background import Event, Line
from sandboxd.service.image_builds import Wanted
from sandboxd.v1 import image_service_pb2 as pb


def to_credentials(request: pb.PullImageRequest | pb.PushImageRequest) -> Credentials | None:
    """Return who asks a registry; None where the request does not say."""
    if not request.HasField("auth"):
        return None
    auth = request.auth
    return Credentials(username=auth.username, password=auth.password, identity_token=auth.identity_token)


def to_wanted(request: pb.BuildImageRequest) -> Wanted:
    """Return what is to be built."""
    return Wanted(
        name=request.name,
        base=request.base,
        requirements=request.requirements,
        packages=tuple(request.packages),
    )


def to_commit(request: pb.CommitExecutionRequest) -> commits.Wanted:
    """Return what image is to be made of an execution."""
    return commits.Wanted(name=request.name, message=request.message, author=request.author)


def from_diff(diff: commits.Diff) -> pb.DiffExecutionResponse:
    """Return what is different between a workspace and its image's."""
    return pb.DiffExecutionResponse(changes=map(_change, diff.changes), truncated=diff.truncated)


def _change(change: model.Change) -> pb.Change:
    return pb.Change(
        kind=cast("pb.ChangeKind", change.kind.value),
        path=change.path,
        type=cast("pb.FileType", change.type.value),
        size_bytes=change.size_bytes,
    )


def from_event(event: Event) -> dict[str, Any]:
    """Return the field of what happens."""
    if isinstance(event, Line):
        return {"progress": event.text}
    return {"transfer": pb.Transfer(digest=event.digest, done_bytes=event.done_bytes, size_bytes=event.size_bytes)}


def from_image(image: model.ImageInfo) -> pb.Image:
    """Return an image's message."""
    return pb.Image(
        name=image.name,
        digest=image.digest,
        size_bytes=image.size_bytes,
        create_time=_time(image.created_unix_ns),
        languages=map(_language, image.languages),
        env=image.env,
        is_default=image.is_default,
        packages=image.packages,
        origin=_origin(image.origin) if image.origin is not None else None,
        commits=map(_commit, image.commits),
    )


def _time(unix_ns: int) -> Timestamp:
    return Timestamp(seconds=unix_ns // SECOND_NS, nanos=unix_ns % SECOND_NS)


def _commit(commit: model.CommitInfo) -> pb.Commit:
    return pb.Commit(
        execution_id=commit.execution_id,
        image=commit.image,
        image_digest=commit.image_digest,
        policy=commit.policy,
        create_time=_time(commit.created_unix_ns),
        message=commit.message,
        author=commit.author,
        left_out=commit.left_out,
    )


def _language(language: model.LanguageInfo) -> pb.Language:
    return pb.Language(
        name=language.name,
        aliases=language.aliases,
        source=language.source,
        extensions=language.extensions,
        compile=language.compile,
        run=language.run,
        template=language.template,
        version=language.version,
    )


def _origin(origin: model.ImageOrigin) -> pb.ImageOrigin:
    return pb.ImageOrigin(
        reference=origin.reference,
        manifest_digest=origin.manifest_digest,
        platform=origin.platform,
        author=origin.author,
        labels=origin.labels,
        history=map(_step, origin.history),
        left_out=origin.left_out,
    )


def _step(step: model.ImageStep) -> pb.HistoryStep:
    return pb.HistoryStep(
        created=step.created, created_by=step.created_by, comment=step.comment, empty_layer=step.empty_layer
    )
