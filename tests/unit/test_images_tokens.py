"""Saying who asks, to a registry that sends its callers to a token server, and to one that does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from sandboxd.images.blobs import Blobs
from sandboxd.images.oci.credentials import Credentials, Keyring
from sandboxd.images.oci.reference import parse_reference
from sandboxd.images.oci.registry import RegistryClient
from sandboxd.images.oci.registry_errors import RegistryRefused, RegistryUnavailable, TlsRefused, Unauthorized
from sandboxd.images.oci.registry_settings import RegistrySettings
from tests.oci_images import image, layer
from tests.webserver import FakeRegistry, Reply, Request, WebServer, fake_registry

IMAGE = image([layer("first", 1000), layer("second", 1000)])
MANIFEST = list(IMAGE)[-1]
ME = Credentials(username="me", password="hunter2")
BASIC = "Basic " + base64.b64encode(b"me:hunter2").decode()
SCOPE = "repository:some/image:pull"


class TokenServer(WebServer):
    """Gives tokens out, each of which a registry takes as often as ``uses`` says."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.fields: dict[str, object] = {}
        self.instead: Reply | None = None
        self.uses = 1000
        self.wanted: str | None = None
        """The Authorization header that it wants to see."""
        self._left: dict[str, int] = {}

    def _answer(self, request: Request) -> Reply:
        if self.instead is not None:
            return self.instead
        if request.headers.get("Authorization") != self.wanted:
            return Reply(401)
        token = f"token-{len(self.requests)}"
        self._left[f"Bearer {token}"] = self.uses
        return Reply(200, json.dumps({"token": token, **self.fields}).encode())

    def takes(self, header: str | None) -> bool:
        """Whether the registry takes this header, once more."""
        left = self._left.get(header or "", 0)
        self._left[header or ""] = left - 1
        return left > 0

    def queries(self) -> list[dict[str, list[str]]]:
        return [parse_qs(request.path.partition("?")[2]) for request in self.requests]


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    server = TokenServer()
    with server.running():
        yield server


@pytest.fixture
def registry(tokens: TokenServer) -> Iterator[FakeRegistry]:
    with fake_registry() as registry:
        registry.blobs.update(IMAGE)
        registry.manifests["latest"] = IMAGE[MANIFEST]
        challenge = f'Bearer realm="{tokens.url}/token",service="registry.test",scope="{SCOPE}"'

        def instead(request: Request) -> Reply | None:
            if request.path == "/v2/" or tokens.takes(request.headers.get("Authorization")):
                return None
            return Reply(401, headers={"WWW-Authenticate": challenge})

        registry.instead = instead
        yield registry


def pull(registry: FakeRegistry, store: Path, credentials: Credentials | None = None, *, times: int = 1) -> None:
    settings = RegistrySettings(attempts=2, backoff_s=0.001, parallel=1)
    keyring = Keyring({registry.address: credentials} if credentials else {})
    with RegistryClient(settings, keyring) as client:
        for number in range(times):
            blobs = Blobs(store / str(number))
            assert client.pull(parse_reference(f"{registry.address}/some/image"), blobs).digest == MANIFEST


def test_an_anonymous_token_is_fetched_once(registry: FakeRegistry, tokens: TokenServer, tmp_path: Path) -> None:
    pull(registry, tmp_path)

    assert tokens.queries() == [{"service": ["registry.test"], "scope": [SCOPE]}]
    assert len(registry.asked("GET", "some/image")) == 1 + len(IMAGE)


def test_credentials_go_to_the_token_server(registry: FakeRegistry, tokens: TokenServer, tmp_path: Path) -> None:
    tokens.wanted = BASIC
    pull(registry, tmp_path, ME)

    assert {request.headers["Authorization"] for request in registry.asked("GET", "some/image")} == {
        None,
        "Bearer token-1",
    }


def test_an_identity_token_is_exchanged(registry: FakeRegistry, tokens: TokenServer, tmp_path: Path) -> None:
    tokens.fields = {"token": "", "access_token": "token-1"}
    pull(registry, tmp_path, Credentials(username="me", identity_token="refresh"))

    (request,) = tokens.requests
    assert request.method == "POST"
    assert {key: value for key, (value,) in parse_qs(request.body.decode()).items()} == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh",
        "client_id": "sandboxd",
        "service": "registry.test",
        "scope": SCOPE,
    }


def test_a_registry_token_is_sent_as_it_is(registry: FakeRegistry, tokens: TokenServer, tmp_path: Path) -> None:
    tokens._left["Bearer mine"] = 100
    pull(registry, tmp_path, Credentials(registry_token="mine"))

    assert tokens.requests == []


def test_a_token_that_has_expired_is_fetched_anew(registry: FakeRegistry, tokens: TokenServer, tmp_path: Path) -> None:
    tokens.fields = {"expires_in": 0}
    pull(registry, tmp_path)

    # Never one that is known to be refused: one for each request, and no 401 but the first.
    assert len(tokens.requests) == len(IMAGE)
    assert len(registry.asked("GET", "some/image")) == 1 + len(IMAGE)


def test_a_token_lasts_a_minute_where_nothing_is_said(
    registry: FakeRegistry, tokens: TokenServer, tmp_path: Path
) -> None:
    pull(registry, tmp_path, times=3)

    assert len(tokens.requests) == 1


def test_a_token_that_is_not_taken_any_more_is_fetched_anew(
    registry: FakeRegistry, tokens: TokenServer, tmp_path: Path
) -> None:
    tokens.uses = 2
    pull(registry, tmp_path)

    assert len(tokens.requests) == 2
    assert len(registry.asked("GET", "some/image")) == 2 + len(IMAGE)


def test_a_token_that_is_never_taken_is_fetched_once(
    registry: FakeRegistry, tokens: TokenServer, tmp_path: Path
) -> None:
    tokens.uses = 0
    with pytest.raises(Unauthorized, match=r"some/image: not allowed: 401 to GET .*; no credentials are given for it"):
        pull(registry, tmp_path)

    assert len(tokens.requests) == 1


def test_wrong_credentials_are_refused_without_them(
    registry: FakeRegistry, tokens: TokenServer, tmp_path: Path
) -> None:
    tokens.wanted = "other"
    with pytest.raises(Unauthorized) as raised:
        pull(registry, tmp_path, ME)

    assert str(raised.value) == (
        f"{registry.address}/some/image: the token server answers 401: with the credentials for it"
    )


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(503), RegistryUnavailable),
        (Reply(429, headers={"Retry-After": "999"}), RegistryUnavailable),
        (Reply(302, headers={"Location": "http://127.0.0.1:1/"}), RegistryRefused),
        (Reply(200, b"hunter2"), RegistryRefused),
        (Reply(200, b'{"token": "a\\r\\nHost: x"}'), Unauthorized),
        (Reply(200, b"{}"), Unauthorized),
    ],
)
def test_a_token_server_that_gives_none(
    registry: FakeRegistry, tokens: TokenServer, tmp_path: Path, reply: Reply, error: type[Exception]
) -> None:
    tokens.instead = reply
    with pytest.raises(error, match="token") as raised:
        pull(registry, tmp_path)

    assert "hunter2" not in str(raised.value)


def test_a_registry_with_tls_may_name_no_token_server_without(registry: FakeRegistry, tokens: TokenServer) -> None:
    with RegistryClient(keyring=Keyring({"registry.test": ME})) as client:
        authorization = client._endpoint("registry.test")._ask_for()
        challenge = Reply(401, headers={"WWW-Authenticate": f'Bearer realm="{tokens.url}/token"'})
        with WebServer(lambda request: challenge).running() as server:
            answer = client._transport.send("x", "GET", server.url, {})
        with pytest.raises(TlsRefused, match=r"its token server '127\.0\.0\.1' is one without TLS"):
            authorization.challenged("registry.test/x", (SCOPE,), answer, None)

    assert tokens.requests == []


@pytest.mark.parametrize(
    ("challenge", "complaint"),
    [
        ({}, "neither Basic nor Bearer, but 'nothing'"),
        ({"WWW-Authenticate": "Negotiate"}, "neither Basic nor Bearer, but 'negotiate'"),
        ({"WWW-Authenticate": "Bearer service=x"}, "names no token server, but ''"),
        ({"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'}, "names no token server, but 'file"),
        ({"WWW-Authenticate": 'Bearer realm="http://["'}, "names no token server, but 'http"),
        ({"WWW-Authenticate": "Basic realm=x"}, "wants a password: no credentials are given for it"),
    ],
)
def test_a_challenge_that_cannot_be_met(tmp_path: Path, challenge: dict[str, str], complaint: str) -> None:
    with fake_registry() as registry:
        registry.instead = lambda request: Reply() if request.path == "/v2/" else Reply(401, headers=challenge)
        with pytest.raises(Unauthorized, match=complaint):
            pull(registry, tmp_path)


def test_wrong_basic_credentials_are_tried_once(tmp_path: Path) -> None:
    with fake_registry() as registry:
        registry.instead = lambda request: Reply(401, headers={"WWW-Authenticate": "Basic realm=x"})
        with pytest.raises(Unauthorized, match="not allowed: 401") as raised:
            pull(registry, tmp_path, ME)

        assert "hunter2" not in str(raised.value)
        assert [request.headers["Authorization"] for request in registry.asked("GET", "manifests")] == [None, BASIC]
