"""Images from elsewhere into the image store: its layers, or one root of them, and what every image here has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandboxd.errors import HostUnfit, InvalidConfiguration, InvalidImage, SandboxError, shown
from sandboxd.images import pack, parts
from sandboxd.images.blobs import Blobs
from sandboxd.images.files import DIGEST, MANIFEST
from sandboxd.images.layering import finish
from sandboxd.images.manifest import ENV_NAME, load_manifest
from sandboxd.images.oci.archive import read_file
from sandboxd.images.oci.caps import Caps
from sandboxd.images.oci.image import OciImage
from sandboxd.images.oci.layers import Layer, flatten
from sandboxd.images.oci.media import Config
from sandboxd.images.oci.placing import Omissions
from sandboxd.images.origin import describe, write_origin
from sandboxd.images.parts import Made
from sandboxd.images.store import Image, ImageStore, is_image_name
from sandboxd.images.tree import Tree
from sandboxd.images.versions import Progress, install, work_directory, writing
from sandboxd.linux import user_namespace

MANIFEST_LABEL = "dev.sandboxd.manifest"
"""Label of an image that sandboxd has written: its manifest.toml, so that it has its languages wherever it goes."""

_MOST_MANIFEST_CHARACTERS = 256 << 10
_CONTROL = re.compile("\x7f")


def import_file(
    store: Path,
    file: Path,
    name: str,
    progress: Progress = lambda _line: None,
    *,
    wanted: str | None = None,
    caps: Caps | None = None,
) -> Image:
    """Make an image called ``name`` of one that is in a file or directory; ``wanted`` says which, where there are several.

    InvalidImage where it is damaged or hostile, HostUnfit where this user can give files no owners. Whatever is raised, the store
    has the images that it had.
    """
    _check_possible(name)
    blobs = Blobs(store)
    with blobs.keeping():
        with writing(store, progress), work_directory(store) as work:
            progress(f"reading {file}")
            found = read_file(file, blobs, work, wanted=wanted, caps=caps)
        return install_image(store, found.image, name, progress, reference=found.name, caps=caps)


def install_image(
    store: Path,
    image: OciImage,
    name: str,
    progress: Progress = lambda _line: None,
    *,
    reference: str | None = None,
    caps: Caps | None = None,
) -> Image:
    """Make an image called ``name`` of one whose blobs are in the content store, and kept there by the caller meanwhile.

    ``reference`` is what it was called where it came from. Raises as :func:`import_file` does.
    """
    _check_possible(name)
    blobs = Blobs(store)
    with writing(store, progress), work_directory(store) as work:
        place = work / "version"
        place.mkdir(mode=0o755)
        text, left_out = manifest_of(image.config)
        _write_manifest(place, text)
        if left_out:
            progress(f"left out of the environment, for their names: {', '.join(map(shown, left_out))}")
        made = _layers(store, image.layers, place, work, progress, caps) or _flat(
            blobs, image.layers, place, work, progress, caps
        )
        _report(made.omissions, progress)
        (place / DIGEST).write_text(made.digest + "\n")
        write_origin(place, describe(image, reference, made.omissions))
        install(store, name, place)
    progress(made.digest)
    installed = ImageStore(store).get(name)
    if installed is None:
        raise SandboxError(f"{store / name} vanished")
    return installed


def manifest_of(config: Config) -> tuple[str, list[str]]:
    """Return the manifest.toml for an image: the one in its label, or else one of its environment, and what cannot be in that."""
    execution = config.config
    labels: Mapping[str, str] = (execution and execution.labels) or {}
    if MANIFEST_LABEL in labels:
        return labels[MANIFEST_LABEL], []
    variables = dict(variable.partition("=")[::2] for variable in (execution and execution.env) or ())
    left_out = [name for name, value in variables.items() if not ENV_NAME.fullmatch(name) or "\0" in value]
    kept = {name: value for name, value in variables.items() if name not in left_out}
    lines = [f"{name} = {_quote(value)}\n" for name, value in kept.items()]
    return "[env]\n" + "".join(lines), left_out


def _quote(text: str) -> str:
    """Write a string of TOML, whose escapes are those of JSON but for one character."""
    return _CONTROL.sub(r"\\u007f", json.dumps(text, ensure_ascii=False))


def _check_possible(name: str) -> None:
    if not is_image_name(name):
        raise InvalidImage(f"{shown(name)} cannot be the name of an image")
    if not user_namespace.has_several_ids():
        raise HostUnfit("importing an image takes root, or subordinate ids: see /etc/subuid and docs/operations.md")


def _write_manifest(place: Path, text: str) -> None:
    if len(text) > _MOST_MANIFEST_CHARACTERS:
        raise InvalidImage(f"its manifest or environment has more than {_MOST_MANIFEST_CHARACTERS} characters")
    path = place / MANIFEST
    path.write_text(text, "utf-8")
    try:
        load_manifest(path)
    except InvalidConfiguration as error:
        complaint = str(error).removeprefix(f"{path}: ")
        raise InvalidImage(f"label {MANIFEST_LABEL}: {complaint}") from error


def _report(omissions: Omissions, progress: Progress) -> None:
    for count, what in (
        (omissions.special_files, "devices and FIFOs left out"),
        (omissions.privileges, "files lost setuid, setgid or capabilities"),
        (omissions.owners, "files of ids above 65535 are nobody's"),
    ):
        if count:
            progress(f"{count} {what}")


def _layers(
    store: Path, oci: Sequence[Layer], place: Path, work: Path, progress: Progress, caps: Caps | None
) -> Made | None:
    """Put an image into its place layer by layer; None where it has to be one."""
    if pack.why_not_erofs():
        return None
    parts_work = work / "parts"
    parts_work.mkdir(mode=0o755)
    try:
        return parts.put(store, oci, place, parts_work, progress, caps)
    except HostUnfit as error:
        progress(f"its layers become one: {error}")
        return None


def _flat(blobs: Blobs, oci: Sequence[Layer], place: Path, work: Path, progress: Progress, caps: Caps | None) -> Made:
    """Put an image into its place as one root."""
    root = work / "root"
    root.mkdir(mode=0o755)
    progress(f"unpacking {len(oci)} layers")
    omissions = flatten(blobs, oci, root, caps)
    tree = Tree(root)
    finish(tree)
    tree.strip_privileges()
    tree.set_times()
    if obstacle := pack.why_not_erofs():
        progress(f"keeping a plain directory: {obstacle}")
        return Made(digest=pack.pack_directory(tree, place), omissions=omissions)
    progress("writing the erofs file")
    return Made(digest=pack.pack_erofs(tree, place, keep_times=True), omissions=omissions)
