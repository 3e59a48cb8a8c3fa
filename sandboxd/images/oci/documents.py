"""Manifests and indexes of a registry: fetched, verified, and the one for a platform chosen; and put there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from sandboxd.errors import InvalidImage
from sandboxd.images.blobs import Blobs, digest_of, is_digest
from sandboxd.images.oci.endpoint import Endpoint
from sandboxd.images.oci.media import (
    INDEXES,
    MANIFESTS,
    MOST_DOCUMENT_BYTES,
    OCI_INDEX,
    OCI_MANIFEST,
    Index,
    Manifest,
    Platform,
    choose,
    parse_document,
)
from sandboxd.images.oci.registry_errors import NotInRegistry, NotVerified, RegistryRefused
from sandboxd.images.oci.transport import Answer

_ACCEPT = ", ".join((*INDEXES, *MANIFESTS))
_MOST_INDEXES = 4  # one within another
_TAGS_A_PAGE = 1000
_MOST_PAGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A manifest or an index, verified."""

    digest: str
    data: bytes
    media_type: str
    content: Index | Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The image that a name means, for one platform."""

    digest: str
    """Of its manifest."""
    manifest: Manifest
    documents: tuple[Document, ...]
    """What led to it: the manifest last, indexes before it."""


def pull_scopes(repository: str) -> tuple[str, ...]:
    """Return what a token must allow for reading a repository."""
    return (f"repository:{repository}:pull",)


def push_scopes(repository: str) -> tuple[str, ...]:
    """Return what a token must allow for writing to it."""
    return (f"repository:{repository}:pull,push",)


def resolve(endpoint: Endpoint, repository: str, wanted: str, platform: Platform) -> Resolved:
    """Fetch the manifest that a tag or digest means on a platform."""
    documents = []
    for _ in range(_MOST_INDEXES):
        document = fetch(endpoint, repository, wanted)
        documents.append(document)
        if isinstance(document.content, Manifest):
            return Resolved(digest=document.digest, manifest=document.content, documents=tuple(documents))
        wanted = _choose(endpoint, repository, document.content, document.digest, platform)
    raise NotVerified(
        endpoint.place(repository), f"{documents[0].digest}: more than {_MOST_INDEXES - 1} indexes within each other"
    )


def fetch(endpoint: Endpoint, repository: str, wanted: str) -> Document:
    """Fetch what a tag or digest means, and verify it."""
    url = endpoint.url(repository, f"manifests/{wanted}")
    answer = endpoint.send(repository, "GET", url, headers={"Accept": _ACCEPT}, scopes=pull_scopes(repository))
    data = endpoint.body(repository, answer, MOST_DOCUMENT_BYTES)
    place, digest = endpoint.place(repository), digest_of(data)
    said = wanted if is_digest(wanted) else answer.headers.get("Docker-Content-Digest", digest)
    # Other algorithms than ours may be said, but not asked for.
    if said != digest and is_digest(said):
        raise NotVerified(place, f"manifest {wanted}: what came has the digest {digest}, not {said}")
    try:
        content = parse_document(data, _media_type(answer), f"manifest {wanted}")
    except InvalidImage as error:
        raise NotVerified(place, str(error)) from error
    return Document(digest=digest, data=data, media_type=media_type_of(content), content=content)


def put(endpoint: Endpoint, repository: str, name: str, document: Document) -> None:
    """Put a manifest or an index under a tag or its digest. All that it names has to be there."""
    answer = endpoint.send(
        repository,
        "PUT",
        endpoint.url(repository, f"manifests/{name}"),
        headers={"Content-Type": document.media_type},
        body=document.data,
        scopes=push_scopes(repository),
    )
    endpoint.body(repository, answer, MOST_DOCUMENT_BYTES)
    said = answer.headers.get("Docker-Content-Digest", document.digest)
    if is_digest(said) and said != document.digest:
        raise NotVerified(endpoint.place(repository), f"the registry took {document.digest} for {said}")


def read(blobs: Blobs, digest: str) -> Document:
    """Read a manifest or an index from the store. InvalidImage if it is none, or not there."""
    data = blobs.read(digest, MOST_DOCUMENT_BYTES)
    content = parse_document(data, None, f"manifest {digest}")
    return Document(digest=digest, data=data, media_type=media_type_of(content), content=content)


def media_type_of(content: Index | Manifest) -> str:
    """Return as what a document is sent. One that does not say is of OCI: Docker's always do."""
    return content.media_type or (OCI_INDEX if isinstance(content, Index) else OCI_MANIFEST)


def tags(endpoint: Endpoint, repository: str) -> Iterator[list[str]]:
    """Yield the tags of a repository by pages, in the registry's order."""
    url = endpoint.url(repository, f"tags/list?n={_TAGS_A_PAGE}")
    for _ in range(_MOST_PAGES):
        answer = endpoint.send(repository, "GET", url, scopes=pull_scopes(repository))
        data = endpoint.body(repository, answer, MOST_DOCUMENT_BYTES)
        try:
            yield msgspec.json.decode(data, type=_Tags).tags or []
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise RegistryRefused(endpoint.place(repository), "its list of tags is none") from None
        following = _next_page(endpoint, repository, url, answer)
        if following is None:
            return
        url = following
    raise RegistryRefused(endpoint.place(repository), f"its list of tags has more than {_MOST_PAGES} pages")


class _Tags(msgspec.Struct):
    tags: list[str] | None = None


def _choose(endpoint: Endpoint, repository: str, index: Index, digest: str, platform: Platform) -> str:
    try:
        return choose(index, platform, f"index {digest}").digest
    except InvalidImage as error:
        raise NotInRegistry(endpoint.place(repository), str(error)) from error


def _media_type(answer: Answer) -> str | None:
    """Return what an answer says that it is; None where that says nothing, as of servers that serve files."""
    said = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return said if said in (*INDEXES, *MANIFESTS) else None


def _next_page(endpoint: Endpoint, repository: str, url: str, answer: Answer) -> str | None:
    """Return the address in ``Link: <...>; rel="next"`` (RFC 8288)."""
    link = answer.headers.get("Link", "")
    target, closed, relation = link.partition(">")
    if not closed or ('rel="next"' not in relation and "rel=next" not in relation):
        return None
    return endpoint.resolve(repository, url, target.strip().removeprefix("<"))
