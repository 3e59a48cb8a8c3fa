"""Taking images in, in a process of its own without a network (``errand``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from sandboxd.images import errand
from sandboxd.images.blobs import Blobs
from sandboxd.images.importing import import_file, install_image
from sandboxd.images.oci.image import load
from sandboxd.images.versions import Progress

_MODULE = "sandboxd.images.apart"


def take_file(store: Path, file: BinaryIO, name: str, progress: Progress, *, wanted: str = "") -> None:
    """Do what ``importing.import_file`` does with an open file. Raises as it does, and StoreFailed."""
    order = {"store": str(store), "name": name, "file": file.fileno(), "wanted": wanted}
    errand.send(_MODULE, order, progress, [file.fileno()])


def take_blobs(store: Path, digest: str, name: str, progress: Progress, *, reference: str) -> None:
    """Do what ``importing.install_image`` does with the image of this manifest, whose blobs the caller keeps. Raises as above."""
    errand.send(_MODULE, {"store": str(store), "name": name, "digest": digest, "reference": reference}, progress)


def take(order: dict[str, Any], progress: Progress) -> None:
    """Do what the order says."""
    store, name = Path(order["store"]), order["name"]
    if "digest" in order:
        image = load(Blobs(store), order["digest"])
        install_image(store, image, name, progress, reference=order["reference"])
    else:
        import_file(store, Path(f"/proc/self/fd/{order['file']}"), name, progress, wanted=order["wanted"] or None)


if __name__ == "__main__":
    errand.obey(take)
