"""One registry: its address, who asks, where it redirects to, and its refusals as the classes of ``registry_errors``.

Nothing is tried twice here, but for the one time when a registry says how it wants to know who asks.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec

from sandboxd.errors import shown
from sandboxd.images.oci.authorization import Authorization, Scopes
from sandboxd.images.oci.credentials import DOCKER_HUB, Keyring
from sandboxd.images.oci.patience import check_available
from sandboxd.images.oci.registry_errors import (
    BrokenOff,
    NotInRegistry,
    RegistryError,
    RegistryRefused,
    TlsRefused,
    Unauthorized,
    Unreachable,
)
from sandboxd.images.oci.registry_settings import RegistrySettings
from sandboxd.images.oci.transport import Answer, Transport

_HUB_HOST = "registry-1.docker.io"
_REDIRECTS = (
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
)
_MOST_REDIRECTS = 5
_MOST_ERROR_BYTES = 1 << 16
_MOST_CODES = 4
_MOST_DIGITS = 19
_CODE = re.compile(r"[A-Z][A-Z_]{0,63}")


class Endpoint:
    """Speaks with one registry. Safe to use from any number of threads."""

    def __init__(self, registry: str, transport: Transport, settings: RegistrySettings, keyring: Keyring) -> None:
        self.registry = registry
        self._host = _HUB_HOST if registry == DOCKER_HUB else registry
        self._transport, self._settings, self._keyring = transport, settings, keyring
        self._lock = threading.Lock()
        self._scheme = "" if settings.may_be_plain(registry) else "https"
        self._authorization: Authorization | None = None

    def place(self, repository: str) -> str:
        """Name a repository in errors."""
        return f"{self.registry}/{repository}"

    def url(self, repository: str, path: str) -> str:
        """Return the address of something of a repository. Speaks with the registry if it may be one without TLS."""
        return f"{self._find_scheme(self.place(repository))}://{self._host}/v2/{repository}/{path}"

    def send(
        self,
        repository: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        scopes: Scopes,
    ) -> Answer:
        """Send a request and return an answer below 400, with its body still to be read or closed; else raise RegistryError.

        ``body`` is bytes, or an object with ``rewind()`` and ``read()`` and a Content-Length in the headers.
        """
        place = self.place(repository)
        answer = self._authorized(place, method, url, dict(headers or {}), body, scopes)
        if method in ("GET", "HEAD"):
            answer, url = self._follow(place, method, url, dict(headers or {}), answer, scopes)
        self._check(place, answer, method, url)
        return answer

    def body(self, repository: str, answer: Answer, most_bytes: int) -> bytes:
        """Return the body of an answer. TooLarge beyond ``most_bytes``."""
        return self._transport.body(self.place(repository), answer, most_bytes)

    def pieces(self, repository: str, answer: Answer) -> Iterator[bytes]:
        """Yield the body of an answer as it comes."""
        return self._transport.pieces(self.place(repository), answer)

    def resolve(self, repository: str, base: str, target: str | None) -> str:
        """Return the address that a header of an answer from ``base`` names. What leaves TLS is refused."""
        place = self.place(repository)
        if not target:
            raise RegistryRefused(place, "an answer that names no address to go on at")
        try:
            url = urljoin(base, target)
            parts = urlsplit(url)
            valid = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            valid = False
        if not valid:
            raise RegistryRefused(
                place, f"an answer that goes on at no address of HTTP: {shown(target.partition('?')[0])}"
            )
        if parts.scheme == "http" and urlsplit(base).scheme == "https":
            raise TlsRefused(place, f"an answer that goes on at {shown(parts.netloc.rpartition('@')[2])} without TLS")
        return url

    def number(self, repository: str, answer: Answer, header: str) -> int | None:
        """Return the number that a header of an answer has, None where it has none. RegistryRefused where it is larger than any."""
        text = answer.headers.get(header, "")
        if not text.isdecimal():
            return None
        if len(text) > _MOST_DIGITS:  # of some thousand, Python makes no number
            raise RegistryRefused(self.place(repository), f"an answer whose {header} is {shown(text)}")
        return int(text)

    def is_own(self, url: str) -> bool:
        """Whether an address is the registry's own, and so may be told who asks."""
        parts = urlsplit(url)
        return _origin(parts) == _origin(urlsplit(f"{self._scheme}://{self._host}"))

    def _authorized(
        self, place: str, method: str, url: str, headers: dict[str, str], body: Any, scopes: Scopes
    ) -> Answer:
        """Send one request, and once more if the registry asks who asks."""
        if not self.is_own(url):
            return self._transport.send(place, method, url, headers, body)
        authorization = self._ask_for()
        header = authorization.header(place, scopes)
        answer = self._transport.send(place, method, url, _with(headers, header), body)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            header = authorization.challenged(place, scopes, answer, header)
            if header is None:
                return answer
            self._discard(place, answer)
            if hasattr(body, "rewind"):
                body.rewind()
            answer = self._transport.send(place, method, url, _with(headers, header), body)
        return answer

    def _follow(
        self, place: str, method: str, url: str, headers: dict[str, str], answer: Answer, scopes: Scopes
    ) -> tuple[Answer, str]:
        """Go where the registry redirects to. Who asks is told to nobody but the registry itself."""
        repository = place.removeprefix(f"{self.registry}/")
        for _ in range(_MOST_REDIRECTS):
            if answer.status not in _REDIRECTS:
                return answer, url
            self._discard(place, answer)
            url = self.resolve(repository, url, answer.headers.get("Location"))
            answer = self._authorized(place, method, url, headers, None, scopes)
        if answer.status not in _REDIRECTS:
            return answer, url
        self._discard(place, answer)
        raise RegistryRefused(place, f"more than {_MOST_REDIRECTS} redirections")

    def _check(self, place: str, answer: Answer, method: str, url: str) -> None:
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return
        codes = self._discard(place, answer)
        parts = urlsplit(url)
        path = parts.path if self.is_own(url) else f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        said = f"{answer.status} to {method} {path[:300]}" + (f" ({codes})" if codes else "")
        check_available(place, answer, "the registry")
        if answer.status == HTTPStatus.NOT_FOUND:
            raise NotInRegistry(place, f"not there: {said}")
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Unauthorized(place, f"not allowed: {said}; {self._ask_for().who()}")
        raise RegistryRefused(place, f"refused: {said}", answer.status)

    def _discard(self, place: str, answer: Answer) -> str:
        """Read what an answer still has, so that its connection can be used again; return the error codes in it."""
        try:
            data = self._transport.body(place, answer, _MOST_ERROR_BYTES)
            errors = msgspec.json.decode(data, type=_Errors).errors
        except (RegistryError, msgspec.MsgspecError, ValueError, RecursionError):
            return ""
        return ", ".join(error.code for error in errors[:_MOST_CODES] if _CODE.fullmatch(error.code))

    def _ask_for(self) -> Authorization:
        with self._lock:
            if self._authorization is None:
                plain = self._scheme == "http"
                self._authorization = Authorization(self._transport, self.registry, self._keyring, plain)
            return self._authorization

    def _find_scheme(self, place: str) -> str:
        """Find out, once, whether a registry that may be one without TLS has it. It is asked without credentials."""
        with self._lock:
            if not self._scheme:
                self._scheme = self._probe(place)
            return self._scheme

    def _probe(self, place: str) -> str:
        """Return http or https; nothing is concluded from a registry that is away."""
        failed: RegistryError | None = None
        try:
            answer = self._transport.send(place, "GET", f"http://{self._host}/v2/", {})
            self._discard(place, answer)
            if answer.status != HTTPStatus.BAD_REQUEST:
                return "http"
        except (BrokenOff, Unreachable) as error:
            failed = error
        # One with TLS answers 400 to who speaks without, or not at all; or is at another port, where none is named.
        try:
            self._discard(place, self._transport.send(place, "GET", f"https://{self._host}/v2/", {}))
        except RegistryError as error:
            if isinstance(error, TlsRefused) and error.of_certificate:
                return "https"
            if failed is not None:
                raise failed from None
            return "http"
        return "https"


class _Error(msgspec.Struct):
    code: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


def _with(headers: dict[str, str], authorization: str | None) -> dict[str, str]:
    return headers if authorization is None else {**headers, "Authorization": authorization}


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
