"""Trying again: how often, after how long, and when no more."""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from sandboxd.images.oci.registry_errors import RegistryError, RegistryUnavailable
from sandboxd.images.oci.registry_settings import RegistrySettings
from sandboxd.images.oci.transport import Answer

PROGRESS_BYTES = 1 << 20
"""A try that brought so much is not counted: so a large blob may need any number of them, and a drip ends."""
_SPREAD = 0.5

_T = TypeVar("_T")


class Stopped(Exception):
    """Another part of the same work has failed, so this one is not wanted any more. Never leaves the client."""


class Stop:
    """Tells the parts of one pull or push that it is over."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Have every part end at its next step."""
        self._event.set()

    def check(self) -> None:
        """Raise Stopped if it is over."""
        self.sleep(0)

    def sleep(self, seconds: float) -> None:
        """Wait; raise Stopped as soon as it is over."""
        if self._event.wait(seconds):
            raise Stopped


class Attempts:
    """Counts the tries of one thing."""

    def __init__(self, settings: RegistrySettings, stop: Stop) -> None:
        self._settings, self._stop, self._failed = settings, stop, 0

    def failed(self, error: RegistryError, *, brought_bytes: int = 0) -> None:
        """Wait before the next try, or raise the error if there is to be none."""
        self._failed = 1 if brought_bytes >= PROGRESS_BYTES else self._failed + 1
        asked = (error.retry_after_s if isinstance(error, RegistryUnavailable) else None) or 0.0
        if not error.transient or self._failed >= self._settings.attempts or asked > self._settings.longest_wait_s:
            raise error
        own = min(self._settings.backoff_s * 2 ** (self._failed - 1), self._settings.longest_wait_s)
        # Spread, so that many clients of a registry that was away do not come back at one moment.
        self._stop.sleep(max(asked, own * random.uniform(1 - _SPREAD, 1)))  # noqa: S311

    def of(self, work: Callable[[], _T]) -> _T:
        """Do something small, as often as it takes."""
        while True:
            self._stop.check()
            try:
                return work()
            except RegistryError as error:
                self.failed(error)


def check_available(place: str, answer: Answer, who: str) -> None:
    """Raise RegistryUnavailable if an answer is 429 or 5xx."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait_s = _retry_after_s(answer.headers.get("Retry-After"))
        asks = "" if wait_s is None else f" and asks to come back in {wait_s:g} s"
        raise RegistryUnavailable(place, f"{who} answers {answer.status}{asks}", wait_s)


def _retry_after_s(header: str | None) -> float | None:
    """Read Retry-After: seconds, or a date. None where it says nothing that can be read."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        then = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, then.timestamp() - time.time())
