"""Images from and to registries that speak the OCI distribution specification 1.1, or Docker's registry API 2.

Plain blocking code: an event loop runs it in a thread. What comes is verified by digest and size before it is anywhere but
in a partial blob; nothing is unpacked here.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

from sandboxd.errors import InvalidImage
from sandboxd.images.blobs import Blobs
from sandboxd.images.oci import documents
from sandboxd.images.oci.credentials import Keyring
from sandboxd.images.oci.documents import Document, Resolved
from sandboxd.images.oci.download import Download, Progress
from sandboxd.images.oci.endpoint import Endpoint
from sandboxd.images.oci.media import Descriptor, Index, Platform, host_platform
from sandboxd.images.oci.patience import Attempts, Stop, Stopped
from sandboxd.images.oci.reference import Reference
from sandboxd.images.oci.registry_errors import RegistryError, TooLarge
from sandboxd.images.oci.registry_settings import RegistrySettings
from sandboxd.images.oci.transport import Transport
from sandboxd.images.oci.upload import Upload

log = logging.getLogger(__name__)

_MIRROR_ATTEMPTS = 2  # there is another place to ask

_T = TypeVar("_T")


def _tell_nobody(digest: str, done: int, size: int) -> None:
    """Be no progress."""


class RegistryClient:
    """Speaks with any number of registries, and keeps connections and tokens. Safe to use from any number of threads.

    Methods raise RegistryError, whose subclasses say what can be done; and InvalidImage where the image in the store, or
    its name, is wrong.
    """

    def __init__(self, settings: RegistrySettings | None = None, keyring: Keyring | None = None) -> None:
        """InvalidConfiguration if the file of authorities cannot be used."""
        self._settings = settings or RegistrySettings()
        self._keyring = keyring or Keyring()
        self._transport = Transport(self._settings)
        self._endpoints: dict[str, Endpoint] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def resolve(self, reference: Reference, platform: Platform | None = None) -> Resolved:
        """Return what a name means now on a platform, by default this machine's."""
        return self._from_mirrors(
            reference, lambda endpoint, settings: _resolve(endpoint, reference, platform, settings, Stop())
        )

    def pull(
        self,
        reference: Reference,
        blobs: Blobs,
        *,
        platform: Platform | None = None,
        progress: Progress = _tell_nobody,
    ) -> Resolved:
        """Have an image in the store: manifest, config, layers, and the indexes that led to it.

        What is there is not fetched; what an earlier pull has begun is continued. The caller has the blobs kept meanwhile.
        """
        return self._from_mirrors(
            reference, lambda endpoint, settings: _pull(endpoint, reference, platform, blobs, settings, progress)
        )

    def push(
        self,
        reference: Reference,
        blobs: Blobs,
        digest: str,
        *,
        mount_from: Sequence[str] = (),
        progress: Progress = _tell_nobody,
    ) -> None:
        """Put the image whose manifest or index has this digest under a name: its blobs first, the name last.

        ``mount_from`` are repositories of the same registry that may have some of its blobs. Of an index, all images that
        it names have to be in the store. InvalidImage if something is not, or the name has another digest.
        """
        if reference.digest not in (None, digest):
            raise InvalidImage(f"{reference}: cannot be pushed as that: the image's digest is {digest}")
        found = _collect(blobs, digest)
        endpoint, stop = self._endpoint(reference.registry), Stop()
        upload = Upload(
            endpoint=endpoint,
            repository=reference.repository,
            mount_from=[source for source in mount_from if source != reference.repository],
            blobs=blobs,
            settings=self._settings,
            stop=stop,
            progress=progress,
        )
        _do_all(upload.put, _blobs_of(found), self._settings.parallel, stop)
        for document in found:
            name = reference.tag if document.digest == digest else None
            _put(endpoint, reference.repository, name or document.digest, document, self._settings)

    def tags(self, reference: Reference) -> list[str]:
        """Return all tags of the repository that a name is in, in the registry's order. Mirrors are not asked."""
        endpoint = self._endpoint(reference.registry)

        def list_them() -> list[str]:
            return [tag for page in documents.tags(endpoint, reference.repository) for tag in page]

        return Attempts(self._settings, Stop()).of(list_them)

    def _from_mirrors(self, reference: Reference, work: Callable[[Endpoint, RegistrySettings], _T]) -> _T:
        """Do something with the first mirror that can, or else with the registry."""
        attempts = min(_MIRROR_ATTEMPTS, self._settings.attempts)
        for mirror in self._settings.mirrors.get(reference.registry, ()):
            try:
                return work(self._endpoint(mirror), dataclasses.replace(self._settings, attempts=attempts))
            except RegistryError as error:
                log.warning("mirror of %s: %s", reference.registry, error)
        return work(self._endpoint(reference.registry), self._settings)

    def _endpoint(self, registry: str) -> Endpoint:
        with self._lock:
            if registry not in self._endpoints:
                self._endpoints[registry] = Endpoint(registry, self._transport, self._settings, self._keyring)
            return self._endpoints[registry]


def _resolve(
    endpoint: Endpoint, reference: Reference, platform: Platform | None, settings: RegistrySettings, stop: Stop
) -> Resolved:
    wanted, target = reference.wanted, platform or host_platform()
    return Attempts(settings, stop).of(lambda: documents.resolve(endpoint, reference.repository, wanted, target))


def _pull(
    endpoint: Endpoint,
    reference: Reference,
    platform: Platform | None,
    blobs: Blobs,
    settings: RegistrySettings,
    progress: Progress,
) -> Resolved:
    stop = Stop()
    resolved = _resolve(endpoint, reference, platform, settings, stop)
    wanted = _blobs_of(resolved.documents)
    if (total := sum(blob.size for blob in wanted)) > settings.max_total_bytes:
        raise TooLarge(
            endpoint.place(reference.repository), f"{total} bytes, where {settings.max_total_bytes} are allowed"
        )
    download = Download(
        endpoint=endpoint,
        repository=reference.repository,
        blobs=blobs,
        settings=settings,
        stop=stop,
        progress=progress,
    )
    _do_all(download.fetch, wanted, settings.parallel, stop)
    for document in reversed(resolved.documents):
        blobs.add(document.data)
    return resolved


def _put(endpoint: Endpoint, repository: str, name: str, document: Document, settings: RegistrySettings) -> None:
    Attempts(settings, Stop()).of(lambda: documents.put(endpoint, repository, name, document))


def _collect(blobs: Blobs, digest: str) -> list[Document]:
    """Read a manifest, or an index and all that it names: what is named before what names it. All blobs are there."""
    document = documents.read(blobs, digest)
    named: list[Document] = []
    if isinstance(document.content, Index):
        for entry in document.content.manifests:
            named += _collect(blobs, entry.digest)
    else:
        for blob in _blobs_of([document]):
            if blobs.size(blob.digest) != blob.size:
                raise InvalidImage(
                    f"manifest {digest}: blob {blob.digest} has {blobs.size(blob.digest)} bytes, not {blob.size}"
                )
    return [*named, document]


def _blobs_of(found: Collection[Document]) -> list[Descriptor]:
    """Return config and layers of all manifests, each once."""
    manifests = [document.content for document in found if not isinstance(document.content, Index)]
    every = [blob for manifest in manifests for blob in (manifest.config, *manifest.layers)]
    return list({(blob.digest, blob.size): blob for blob in every}.values())


def _do_all(work: Callable[[Descriptor], None], blobs: Collection[Descriptor], parallel: int, stop: Stop) -> None:
    """Do something with all blobs, some at one time. The first failure ends the others, and is raised when they have ended.

    Python waits at its end for the threads of an executor, and so for the registry; not for daemons.
    """
    left, failed = SimpleQueue[Descriptor | None](), list[BaseException]()
    for entry in (*blobs, *[None] * parallel):
        left.put(entry)

    def do_some() -> None:
        try:
            with _stopping(stop):
                for blob in iter(left.get, None):
                    work(blob)
        except BaseException as error:  # noqa: BLE001  (it is raised where it is waited for)
            failed.append(error)

    threads = [threading.Thread(target=do_some, daemon=True) for _ in range(min(parallel, len(blobs)))]
    with ExitStack() as ended, _stopping(stop):
        for thread in threads:
            thread.start()
            ended.callback(thread.join)
        for thread in threads:
            thread.join()
    if failed:
        # Those that were stopped were so because of another.
        raise min(failed, key=lambda error: isinstance(error, Stopped))


@contextmanager
def _stopping(stop: Stop) -> Iterator[None]:
    """Have all parts of a work end if this one fails."""
    try:
        yield
    except BaseException:
        stop.set()
        raise
