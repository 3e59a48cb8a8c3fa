"""What ten images that share a base take: ``python -m tests.images.figures [--flat]`` writes the figures of docs/images.md.

The base is the default image; each of the ten has a layer of a MiB of its own. With ``--flat`` each is one root, as on a store
over which no overlay can be mounted.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from sandboxd.client import SandboxClient
from sandboxd.config import load_config
from sandboxd.images import importing
from sandboxd.images.blobs import Blobs
from sandboxd.images.exporting import to_oci
from sandboxd.images.importing import install_image
from sandboxd.images.oci import media
from sandboxd.images.oci.image import OciImage, load
from sandboxd.images.store import ImageStore
from sandboxd.v1 import execution_service_pb2 as pb
from tests.image_store import put
from tests.oci_images import descriptor, layer
from tests.server import serving

IMAGES = 10
MIB = 1 << 20


def main() -> None:
    """Make them, run them, and write what it took."""
    if "--flat" in sys.argv:
        importing._layers = lambda *_arguments: None  # type: ignore[assignment]
    base = ImageStore(load_config(None, {}, {}).store).get("default")
    assert base is not None
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        store = Path(directory) / "images"
        store.mkdir()
        blobs = Blobs(store)
        (Path(directory) / "work").mkdir()
        image = to_oci(base, blobs, Path(directory) / "work")
        took = []
        for number in range(IMAGES):
            one = derived(blobs, image, number)
            began = time.monotonic()
            install_image(store, one, f"image{number}")
            took.append(time.monotonic() - began)
        print(f"imports: first {took[0]:.2f} s, others {sorted(took[1:])[len(took) // 2]:.2f} s")
        print(f"on disk: {disk_bytes(store) / MIB:.0f} MiB, and blobs {disk_bytes(store / '.blobs') / MIB:.0f} MiB")
        put(store, "default")
        run(store)


def derived(blobs: Blobs, base: OciImage, number: int) -> OciImage:
    """Return an image of another's layers and one of its own."""
    data, diff_id = layer(f"own{number}", MIB)
    blobs.add(data)
    config = media.encode(
        media.Config(
            architecture=base.config.architecture,
            os="linux",
            config=base.config.config,
            rootfs=media.RootFS(diff_ids=(*base.config.rootfs.diff_ids, diff_id)),
        )
    )
    blobs.add(config)
    manifest = media.Manifest(
        schema_version=2,
        config=descriptor(media.OCI_CONFIG, config),
        layers=(*base.manifest.layers, descriptor(media.OCI_LAYER_GZIP, data)),
    )
    return load(blobs, blobs.add(media.encode(manifest)))


def disk_bytes(store: Path) -> int:
    """Return what a directory takes, each file once; of a store without its blobs."""
    files = (path for path in store.rglob("*") if path.is_file() and not path.is_symlink())
    found = {path.stat().st_ino: path.stat().st_blocks * 512 for path in files if path.parts[len(store.parts)] != ".blobs"}  # fmt: skip
    return sum(found.values())


def run(store: Path) -> None:
    """Run the first program of each image, and a second one."""
    first, second = [], []
    options = ("--state-dir", str(store.parent), "--pool-max", "0", "--templates", "0")
    with serving(*options) as server, SandboxClient(server.address) as client:
        for number in range(IMAGES):
            for times in (first, second):
                began = time.monotonic()
                client.execute(
                    pb.ExecuteRequest(image=f"image{number}", source=pb.Source(language="python", code=b"1"))
                )
                times.append(time.monotonic() - began)
    for name, times in (("first", first), ("second", second)):
        print(
            f"{name} programs: of the first image {times[0] * 1e3:.0f} ms, of others {sorted(times[1:])[5] * 1e3:.0f} ms"
        )


if __name__ == "__main__":
    main()
