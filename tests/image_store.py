"""An image store of a test's own, with the default image's root under other names."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sandboxd.config import load_config
from sandboxd.images.files import EROFS_ROOT
from sandboxd.images.store import Image

_STORE = load_config(None, {}, {}).store
_AWK = """\
[languages.awk]
aliases = ["mawk"]
source = "main.awk"
extensions = [".awk"]
run = ["/usr/bin/awk", "-f", "{entrypoint}"]
"""

# In a mount namespace of its own: the layers that are named, one over the other, as a container has them.
_MOUNT = """
place=$0; lower=; number=0; mount -t tmpfs none "$place"; mkdir "$place/root" "$place/empty"
for layer; do
    number=$((number + 1)); mkdir "$place/$number"; mount -t erofs -o ro "$layer" "$place/$number"
    lower="$place/$number${lower:+:$lower}"
done
mount -t overlay -o "ro,userxattr,lowerdir=$lower:$place/empty" overlay "$place/root"; cd "$place/root"
"""


def make_store(state_dir: Path) -> Path:
    """Make one with two images: ``default``, and ``text``, whose only language is awk."""
    store = state_dir / "images"
    store.mkdir(parents=True)
    put(store, "default")
    put(store, "text", manifest=_AWK)
    return store


def put(store: Path, name: str, *, manifest: str | None = None) -> Path:
    """Put the default image there once more, with a manifest of its own; returns its version."""
    present, version = (_STORE / "default").resolve(), store / ".versions" / f"{name}.1"
    shutil.copytree(present, version, copy_function=link)
    if manifest is not None:
        (version / "manifest.toml").unlink()
        (version / "manifest.toml").write_text(manifest)
    (store / name).symlink_to(f".versions/{version.name}")
    return version


def link(source: str, target: str) -> None:
    """Share the root, which nobody writes; what tests may write to is their own."""
    if source.endswith(EROFS_ROOT):
        with contextlib.suppress(OSError):  # another file system
            os.link(source, target)
            return
    shutil.copy2(source, target)


def make_wheel(
    directory: Path, name: str, version: str, files: dict[str, str], *, needs: Sequence[str] = (), script: str = ""
) -> Path:
    """Make a wheel of pure Python, as PEP 427 has it, with an entry point if there is to be a ``script``."""
    info = f"{name}-{version}.dist-info"
    metadata = [
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        *(f"Requires-Dist: {need}\n" for need in needs),
    ]
    content = {
        **files,
        f"{info}/METADATA": "".join(metadata),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{script}\n"
    record = "".join(f"{file},,\n" for file in (*content, f"{info}/RECORD"))
    wheel = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, text in {**content, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return wheel


def mounted(image: Image, script: str) -> str:
    """Look into an image's root, which is mounted for nobody else."""
    with tempfile.TemporaryDirectory() as place:
        command = ["unshare", "--mount", "sh", "-ec", _MOUNT + script, place, *map(str, image.layers)]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
