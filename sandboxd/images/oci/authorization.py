"""Saying who asks: nothing, Basic, or tokens that a third party gives out (the distribution project's token authentication).

Credentials go to the registry that they are for, and to the token server that it names; never over plain HTTP, unless the
registry itself may be spoken to so.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from sandboxd.errors import shown
from sandboxd.images.oci.challenge import Challenge, parse_challenges
from sandboxd.images.oci.credentials import Credentials, Keyring
from sandboxd.images.oci.patience import check_available
from sandboxd.images.oci.registry_errors import RegistryRefused, TlsRefused, Unauthorized
from sandboxd.images.oci.transport import Answer, Transport

_MOST_BYTES = 1 << 18
_CLIENT = "sandboxd"
# What the specification says for a server that says nothing.
_DEFAULT_LIFETIME_S = 60.0
# Not used in its last seconds: it has to arrive, too.
_MARGIN_S = 5.0
_DENIED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_TOKEN = re.compile(r"[\x21-\x7e]+")

Scopes = tuple[str, ...]


class _Token(NamedTuple):
    header: str
    ends: float
    """By the monotonic clock."""


class _TokenAnswer(msgspec.Struct):
    token: str = ""
    access_token: str = ""
    expires_in: float | None = None


@dataclass(slots=True)
class Authorization:
    """What one registry wants to know, as far as it has said so. Safe to use from any number of threads."""

    transport: Transport
    registry: str
    keyring: Keyring
    plain: bool
    """Whether the registry is spoken to without TLS."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _challenge: Challenge | None = None
    _asked: dict[Scopes, Scopes] = field(default_factory=dict)
    """By what a request needs: in which words the registry wants that asked for."""
    _tokens: dict[Scopes, _Token] = field(default_factory=dict)

    def header(self, place: str, scopes: Scopes) -> str | None:
        """Return the Authorization header for a request that needs these scopes; None where nothing was asked for yet."""
        with self._lock:
            return self._header(place, scopes)

    def challenged(self, place: str, scopes: Scopes, answer: Answer, used: str | None) -> str | None:
        """Return the header that an answer of 401 to a request with the header ``used`` asks for.

        None where there is no other than that. Unauthorized where the registry cannot be told who asks.
        """
        with self._lock:
            now = self._header(place, scopes)
            if now is not None and now != used:
                return now  # another thread has been told the same
            self._challenge = self._choose(place, parse_challenges(answer.headers.getlist("WWW-Authenticate")))
            self._tokens.pop(scopes, None)
            if scope := self._challenge.parameters.get("scope"):
                self._asked[scopes] = tuple(scope.split())
            header = self._header(place, scopes)
            return None if header == used else header

    def who(self) -> str:
        """Say for an error who asks."""
        return "with the credentials for it" if self._credentials() else self.keyring.lack(self.registry)

    def _credentials(self) -> Credentials | None:
        return self.keyring.find(self.registry)

    def _choose(self, place: str, challenges: Sequence[Challenge]) -> Challenge:
        known = {challenge.scheme: challenge for challenge in reversed(challenges)}
        if "bearer" in known:
            return known["bearer"]
        if "basic" not in known:
            offered = ", ".join(sorted(known)) or "nothing"
            raise Unauthorized(place, f"the registry wants neither Basic nor Bearer, but {shown(offered)}")
        credentials = self._credentials()
        if credentials is None or not credentials.username:
            raise Unauthorized(place, f"the registry wants a password: {self.keyring.lack(self.registry)}")
        return known["basic"]

    def _header(self, place: str, scopes: Scopes) -> str | None:
        credentials = self._credentials()
        if self._challenge is None:
            return None
        if credentials is not None and credentials.registry_token:
            return _bearer(place, credentials.registry_token)
        if self._challenge.scheme == "basic":
            return credentials.basic() if credentials is not None else None
        token = self._tokens.get(scopes)
        if token is None or token.ends <= time.monotonic():
            token = self._tokens[scopes] = self._fetch(place, self._asked.get(scopes, scopes), self._challenge)
        return token.header

    def _fetch(self, place: str, scopes: Scopes, challenge: Challenge) -> _Token:
        """Ask the token server that the registry has named."""
        realm = self._realm(place, challenge)
        credentials = self._credentials()
        service = {"service": challenge.parameters["service"]} if "service" in challenge.parameters else {}
        begun = time.monotonic()
        if credentials is not None and credentials.identity_token:
            form = {"grant_type": "refresh_token", "refresh_token": credentials.identity_token, "client_id": _CLIENT}
            body = urlencode({**form, **service, "scope": " ".join(scopes)}).encode()
            answer = self.transport.send(
                place, "POST", realm, {"Content-Type": "application/x-www-form-urlencoded"}, body
            )
        else:
            named = credentials is not None and credentials.username
            headers = {"Authorization": credentials.basic()} if credentials is not None and named else {}
            query = urlencode([*service.items(), *(("scope", scope) for scope in scopes)])
            answer = self.transport.send(place, "GET", f"{realm}{'&' if '?' in realm else '?'}{query}", headers)
        return self._token(place, answer, begun)

    def _realm(self, place: str, challenge: Challenge) -> str:
        realm = challenge.parameters.get("realm", "")
        try:
            parts = urlsplit(realm)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise Unauthorized(place, f"the registry names no token server, but {shown(realm)}")
        if parts.scheme == "http" and not self.plain:
            raise TlsRefused(place, f"its token server {shown(parts.hostname)} is one without TLS")
        return urlunsplit(parts._replace(fragment=""))

    def _token(self, place: str, answer: Answer, begun: float) -> _Token:
        data = self.transport.body(place, answer, _MOST_BYTES)
        if answer.status in _DENIED:
            raise Unauthorized(place, f"the token server answers {answer.status}: {self.who()}")
        check_available(place, answer, "the token server")
        if answer.status != HTTPStatus.OK:
            raise RegistryRefused(place, f"the token server answers {answer.status}")
        try:
            given = msgspec.json.decode(data, type=_TokenAnswer)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise RegistryRefused(place, "the token server answers with something else than a token") from None
        lifetime = _DEFAULT_LIFETIME_S if given.expires_in is None else given.expires_in
        margin = min(_MARGIN_S, lifetime / 2)
        return _Token(_bearer(place, given.token or given.access_token), begun + lifetime - margin)


def _bearer(place: str, token: str) -> str:
    """Return the header of a token, which may come from anybody: nothing but visible ASCII may get into a header."""
    if not _TOKEN.fullmatch(token):
        raise Unauthorized(place, "the token is none: it must be visible ASCII")
    return f"Bearer {token}"
