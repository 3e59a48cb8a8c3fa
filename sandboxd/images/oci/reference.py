"""Names of images as Docker writes them: NAME[:TAG][@sha256:...], with docker.io, library/ and latest where they are left out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandboxd.errors import InvalidImage, shown
from sandboxd.images.blobs import is_digest

DEFAULT_REGISTRY, DEFAULT_TAG = "docker.io", "latest"
_OFFICIAL = "library/"
_OLD_NAME = "index.docker.io"

# The grammar of github.com/distribution/reference.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?")
_REPOSITORY_PART = re.compile(r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_NAME_MAX = 255
_LENGTH_MAX = 512  # with the longest tag and a digest
_PORT_MAX = 65535
_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One image of one registry."""

    registry: str
    """Host name, with its port where it was given."""
    repository: str
    """Path in the registry, such as ``library/debian``."""
    tag: str | None
    """None only where there is a digest."""
    digest: str | None = None
    """Decides, where there is one; the tag is then for people."""

    def __str__(self) -> str:
        """In full, so that parsing it gives the same again."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def short(self) -> str:
        """As people write it: without what would be assumed, but with its tag."""
        name = f"{self.registry}/{self.repository}"
        if self.registry == DEFAULT_REGISTRY:
            name = self.repository.removeprefix(_OFFICIAL)
        return name + str(self)[len(f"{self.registry}/{self.repository}") :]

    @property
    def wanted(self) -> str:
        """What the registry is asked for: the digest, or else the tag."""
        return self.digest or self.tag or DEFAULT_TAG


def parse_reference(text: str) -> Reference:
    """Read a reference. InvalidImage says which part is wrong, and how."""
    if len(text) > _LENGTH_MAX:  # before an expression sees it, which keeps a state for each part
        raise _wrong(text, f"longer than {_LENGTH_MAX} characters")
    name, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise _wrong(text, "after @ there must be sha256: and 64 hexadecimal digits")
    # A colon behind the last slash begins a tag; one before it, a port.
    cut = name.rfind(":")
    tag = None
    if cut > name.rfind("/"):
        name, tag = name[:cut], name[cut + 1 :]
        if not _TAG.fullmatch(tag):
            raise _wrong(text, "a tag is 1 to 128 letters, digits and . _ -, and begins with none of . -")
    registry, repository = _split(text, name)
    if tag is None and not digest:
        tag = DEFAULT_TAG
    return Reference(registry=registry, repository=repository, tag=tag, digest=digest or None)


def local_reference(name: str) -> Reference | None:
    """Return what an image of the image store is called elsewhere; None where its name can be none there, such as ``a..b``."""
    try:
        return parse_reference(f"localhost/{name}")
    except InvalidImage:
        return None


def _split(text: str, name: str) -> tuple[str, str]:
    """Tell registry and repository apart: the first part is a registry only if it could be no directory of Docker's hub."""
    first, slash, rest = name.partition("/")
    if not name:
        raise _wrong(text, "the name of the image is missing")
    if slash and (first == "localhost" or first != first.lower() or any(mark in first for mark in ".:")):
        registry, repository = first, rest
        _check_registry(text, registry)
    else:
        registry, repository = DEFAULT_REGISTRY, name
        if _ID.fullmatch(name):
            raise _wrong(text, "64 hexadecimal digits are the id of an image, not its name")
    if registry == _OLD_NAME:
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = _OFFICIAL + repository
    for part in repository.split("/"):
        if not _REPOSITORY_PART.fullmatch(part):
            raise _wrong(
                text, f"{shown(part)} in its name: small letters and digits, with . _ __ - between them, are allowed"
            )
    if len(registry) + 1 + len(repository) > _NAME_MAX:
        raise _wrong(text, f"its name is longer than {_NAME_MAX} characters")
    return registry, repository


def _check_registry(text: str, registry: str) -> None:
    if not _REGISTRY.fullmatch(registry):
        raise _wrong(text, f"{shown(registry)} is not the name of a registry: host or host:port")
    port = registry.rpartition(":")[2]
    if port.isdigit() and ":" in registry and int(port) > _PORT_MAX:
        raise _wrong(text, f"port {port} is above {_PORT_MAX}")


def _wrong(text: str, why: str) -> InvalidImage:
    return InvalidImage(f"image reference {shown(text)}: {why}")
