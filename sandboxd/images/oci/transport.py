"""One exchange with a host over HTTP: TLS, timeouts, and what can go wrong as the classes of ``registry_errors``.

It follows no redirect, tries nothing twice and knows nothing of registries.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from sandboxd.errors import InvalidConfiguration
from sandboxd.images.oci.pace import Pace, TooSlow, bound_waits
from sandboxd.images.oci.registry_errors import BrokenOff, RegistryError, TlsRefused, TooLarge, Unreachable
from sandboxd.images.oci.registry_settings import RegistrySettings

USER_AGENT = "sandboxd"
_POOLS = 16
_CONNECTIONS = 64  # that are kept, of each; there may be more
_PIECE_BYTES = 1 << 18
# A connection that ends in the middle, in OpenSSL's words.
_TLS_ENDED = ("UNEXPECTED_EOF_WHILE_READING", "SSLV3_ALERT_CLOSE_NOTIFY")

Answer = urllib3.BaseHTTPResponse


class Transport:
    """A pool of connections. Safe to use from any number of threads."""

    def __init__(self, settings: RegistrySettings) -> None:
        """InvalidConfiguration if the file of authorities cannot be used."""
        # What it logs has whole addresses, in the query of which a storage's signature may be.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._settings = settings
        self._pool = urllib3.PoolManager(
            num_pools=_POOLS,
            maxsize=_CONNECTIONS,
            ssl_context=_tls(settings),
            timeout=urllib3.Timeout(connect=settings.connect_timeout_s, read=settings.silence_timeout_s),
            retries=False,
        )
        bound_waits(self._pool, settings.head_timeout_s)

    def send(self, place: str, method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        """Send a request, and return the answer when its headers have come; its body is still to be read, or closed.

        ``body`` is bytes, or has read() and a Content-Length in the headers. Raises what :meth:`reading` does.
        """
        with self.reading(place):
            return self._pool.request(
                method,
                url,
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers},
                body=body,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )

    def pieces(self, place: str, answer: Answer) -> Iterator[bytes]:
        """Yield the body of an answer as it comes; nothing that has come is lost when the connection breaks, or is too slow."""
        pace = Pace(self._settings.least_bytes, self._settings.stretch_s)
        while True:
            began = time.monotonic()
            with self.reading(place):
                piece = answer.read1(_PIECE_BYTES)
            waited_s = time.monotonic() - began
            if not piece:
                return
            yield piece
            with self.reading(place):
                pace.came(len(piece), waited_s)

    def body(self, place: str, answer: Answer, most_bytes: int) -> bytes:
        """Return the body of an answer, and give the connection back. TooLarge beyond ``most_bytes``."""
        data = bytearray()
        try:
            for piece in self.pieces(place, answer):
                data += piece
                if len(data) > most_bytes:
                    raise TooLarge(place, f"an answer of more than {most_bytes} bytes where a document was asked for")
        except RegistryError:
            answer.close()
            raise
        answer.release_conn()
        return bytes(data)

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()

    @contextmanager
    def reading(self, place: str) -> Iterator[None]:
        """Raise what the library does as TlsRefused, Unreachable or BrokenOff.

        Without the library's own words: they have addresses with their queries.
        """
        try:
            yield
        except SSLError as error:
            raise _of_tls(place, error) from None
        except NameResolutionError:
            raise Unreachable(place, "its name has no address") from None
        except NewConnectionError as error:
            raise Unreachable(place, f"no connection: {_reason(error)}") from None
        except ConnectTimeoutError:
            raise Unreachable(place, f"no connection within {self._settings.connect_timeout_s:g} s") from None
        except ReadTimeoutError:
            raise BrokenOff(place, f"no byte came for {self._settings.silence_timeout_s:g} s") from None
        except TooSlow as error:
            raise BrokenOff(place, str(error)) from None
        except (HTTPError, OSError) as error:
            raise BrokenOff(place, f"the connection broke off: {_reason(error)}") from None


def _tls(settings: RegistrySettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.ca_file is not None:
        try:
            context.load_verify_locations(cafile=settings.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise InvalidConfiguration(f"{settings.ca_file}: no certificates: {error.strerror}") from error
    return context


def _of_tls(place: str, error: SSLError) -> RegistryError:
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TlsRefused(place, f"its certificate is refused: {cause.verify_message}", of_certificate=True)
    reason = getattr(cause, "reason", None) or type(cause).__name__
    if reason in _TLS_ENDED:
        return BrokenOff(place, "the connection broke off within TLS")
    return TlsRefused(place, f"no TLS: {reason}")


def _reason(error: BaseException) -> str:
    """Name the innermost cause: the system's words where it has some, or else its type."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        nested = next((argument for argument in seen.args if isinstance(argument, BaseException)), None)
        if seen.__cause__ is None and seen.__context__ is None and nested is None:
            break
        error, seen = seen, nested or seen.__cause__ or seen.__context__
    return type(seen or error).__name__
