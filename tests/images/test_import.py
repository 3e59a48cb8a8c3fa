"""Images from elsewhere in the store: what they get, what they keep, and that they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sandboxd.client import SandboxClient
from sandboxd.errors import InvalidConfiguration, InvalidImage
from sandboxd.images.blobs import Blobs
from sandboxd.images.exporting import to_oci
from sandboxd.images.importing import import_file, install_image
from sandboxd.images.oci import media, writing
from sandboxd.images.oci.archive import read_file
from sandboxd.images.oci.image import load
from sandboxd.images.oci.reference import parse_reference
from sandboxd.images.origin import read_origin, used_blobs
from sandboxd.images.store import Image, ImageStore
from sandboxd.v1 import execution_service_pb2 as pb
from tests.image_store import make_store, mounted, put
from tests.server import serving
from tests.unit.archives import archive, header, pax

KEPT_TIME = 1_234_567_890


@pytest.fixture
def root_tar(small_root: Path, tmp_path: Path) -> Path:
    os.utime(small_root / "etc" / "motd", (KEPT_TIME, KEPT_TIME))
    with tarfile.open(tmp_path / "small.tar.gz", "w:gz") as tar:
        tar.add(small_root, ".")
    return tmp_path / "small.tar.gz"


def with_config(blobs: Blobs, root_tar: Path, work: Path, **config: object) -> str:
    """Put the small root into the content store, with a config; returns the manifest's digest."""
    image = read_file(root_tar, blobs, work).image
    document = json.loads(blobs.read(image.manifest.config.digest, 1 << 20)) | config
    data = json.dumps(document).encode()
    settings = media.Descriptor(media_type=media.OCI_CONFIG, digest=blobs.add(data), size=len(data))
    manifest = media.Manifest(schema_version=2, config=settings, layers=image.manifest.layers)
    return blobs.add(media.encode(manifest))


def installed(store: Path, digest: str, name: str = "small", **options: object) -> Image:
    return install_image(store, load(Blobs(store), digest), name, **options)


def test_an_imported_image_runs_commands(store: Path, blobs: Blobs, root_tar: Path, work: Path) -> None:
    """In a real container of a real server, with the environment that its config says."""
    digest = with_config(blobs, root_tar, work, config={"Env": ["PATH=/usr/bin:/bin", 'GREETING=a=b "c" ä']})
    image = installed(store, digest)
    put(store, "default")
    script = "id -u; id -un; id -gn; echo $GREETING; cat /etc/motd; ls -ld /workspace; ls /dev/null; echo x > /tmp/a"
    with (
        serving("--state-dir", str(store.parent)) as server,
        SandboxClient(server.address) as client,
    ):
        answer = client.execute(
            pb.ExecuteRequest(image="small", command=pb.Command(argv=["/bin/sh", "-c", script])), timeout=60
        )

    lines = answer.run.stdout.data.decode().splitlines()
    assert (answer.run.stderr.data, answer.verdict) == (b"", pb.VERDICT_OK)
    assert lines[:5] == ["1000", "sandbox", "sandbox", 'a=b "c" ä', "of the image"]
    assert "sandbox" in lines[5]
    assert lines[6] == "/dev/null"
    assert answer.image_digest == image.digest


def test_an_imported_image_has_what_a_container_needs_and_keeps_its_own(store: Path, root_tar: Path) -> None:
    image = import_file(store, root_tar, "small")

    passwd = mounted(image, "cat etc/passwd etc/group; stat -c '%a %u %g' tmp workspace var/mail; cat etc/resolv.conf; stat -c %Y etc/motd etc")  # fmt: skip
    assert passwd.splitlines() == [
        "root:x:0:0:root:/root:/bin/sh",
        "daemon:x:1:1::/:/bin/false",
        "sandbox:x:1000:1000:sandbox:/workspace:/bin/sh",
        "root:x:0:",
        "staff:x:50:",
        "sandbox:x:1000:",
        "1777 0 0",
        "755 1000 1000",
        "775 8 8",
        str(KEPT_TIME),
        "0",
    ]
    assert (image.languages, image.env) == ({}, {})
    assert mounted(image, "stat -c %a bin/cat; find . -perm /6000 -o -type b -o -type c -o -type p") == "755\n"
    assert mounted(image, "stat -c %h etc/motd") == "2\n"


def test_the_same_image_has_the_same_digest(store: Path, root_tar: Path) -> None:
    assert import_file(store, root_tar, "one").digest == import_file(store, root_tar, "two").digest


def test_what_it_was_is_kept(store: Path, blobs: Blobs, root_tar: Path, work: Path) -> None:
    history = [{"created_by": "RUN x"}]
    config = {"Entrypoint": ["/bin/sh"], "Labels": {"a": "b"}, "WorkingDir": "/srv", "User": "nobody"}
    digest = with_config(blobs, root_tar, work, created="2024-01-02T03:04:05Z", history=history, config=config)

    image = installed(store, digest, reference="registry.example/small:v1")

    origin = read_origin(image.layers[-1].parent)
    assert origin is not None
    assert (origin.manifest, origin.reference, origin.created) == (
        digest,
        "registry.example/small:v1",
        "2024-01-02T03:04:05Z",
    )
    assert origin.execution is not None
    assert (origin.execution.entrypoint, origin.execution.working_dir) == (("/bin/sh",), "/srv")
    assert (origin.execution.labels, origin.history[0].created_by) == ({"a": "b"}, "RUN x")
    assert origin.left_out == {"privileges": 1}
    assert to_oci(image, blobs, work).digest == digest


def test_blobs_of_images_are_not_pruned(store: Path, blobs: Blobs, root_tar: Path, work: Path) -> None:
    image = import_file(store, root_tar, "small")
    stray = blobs.add(b"of nobody")

    blobs.prune(lambda: used_blobs(store))

    assert not blobs.has(stray)
    assert to_oci(image, blobs, work).layers

    (store / "small").unlink()
    blobs.prune(lambda: used_blobs(store))
    with pytest.raises(InvalidImage, match="not in the store"):
        to_oci(image, blobs, work)


def test_nothing_is_pruned_where_an_image_does_not_say_what_it_uses(store: Path, blobs: Blobs, root_tar: Path) -> None:
    image = import_file(store, root_tar, "small")
    (image.layers[-1].parent / "oci.json").write_text("{")

    with pytest.raises(InvalidConfiguration, match=r"oci\.json: Input data was truncated"):
        blobs.prune(lambda: used_blobs(store))


def test_a_failed_import_leaves_the_image_as_it_was(store: Path, root_tar: Path, tmp_path: Path) -> None:
    before = import_file(store, root_tar, "small")
    (tmp_path / "bad.tar").write_bytes(archive(("etc/passwd", "file", "x"), ("../x", "file", "x")))

    with pytest.raises(InvalidImage, match="would lead out"):
        import_file(store, tmp_path / "bad.tar", "small")

    assert ImageStore(store).get("small") == before
    assert os.listdir(store / ".tmp") == []


@pytest.mark.parametrize("name", ["", "../x", "A", ".tmp", "a/b"])
def test_a_name_is_never_a_path(store: Path, root_tar: Path, name: str) -> None:
    with pytest.raises(InvalidImage, match="cannot be the name of an image"):
        import_file(store, root_tar, name)


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("x = 1", "label dev.sandboxd.manifest: x: unknown key"),
        ("= 1", "label dev.sandboxd.manifest: Invalid statement"),
        (".".join(["a"] * 65) + " = 1", "label dev.sandboxd.manifest: a key of more than 64 parts"),
        ("#" * 300_000, "its manifest or environment has more than 262144 characters"),
        ('[languages.sh]\nsource = "../x"\nextensions = []\nrun = ["sh"]', "source must be the name of a file"),
    ],
)
def test_a_manifest_in_a_label_is_checked_as_any(
    store: Path, blobs: Blobs, root_tar: Path, work: Path, label: str, why: str
) -> None:
    digest = with_config(blobs, root_tar, work, config={"Labels": {"dev.sandboxd.manifest": label}})

    with pytest.raises(InvalidImage, match=why):
        installed(store, digest)

    assert ImageStore(store).get("small") is None


# Roots with which nothing can be done but refuse them, or put right.


def root_of(store: Path, tmp_path: Path, data: bytes) -> Image:
    (tmp_path / "root.tar").write_bytes(data)
    return import_file(store, tmp_path / "root.tar", "small")


def test_a_root_of_nothing_gets_all_that_is_needed(store: Path, tmp_path: Path) -> None:
    image = root_of(store, tmp_path, archive(("hello", "file", "x")))

    assert mounted(image, "ls; cat etc/passwd | wc -l") == "dev\netc\nhello\nproc\nsys\ntmp\nworkspace\n3\n"


def test_everybody_may_enter_it_whatever_the_umask_is(store: Path, tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        image = root_of(store, tmp_path, archive(("./", "directory", "", {"mode": 0o700}), ("usr/bin/x", "file")))
    finally:
        os.umask(umask)

    assert mounted(image, "stat -c %a . usr usr/bin etc dev proc sys workspace | uniq") == "755\n"
    assert mounted(image, "stat -c %a etc/passwd etc/hosts | uniq") == "644\n"


@pytest.mark.parametrize("place", ["dev", "proc", "sys", "tmp", "workspace", "etc/passwd", "etc/group", "etc/hosts"])
@pytest.mark.parametrize("kind", ["symlink", "file", "directory"])
def test_what_is_in_the_place_of_a_mount_point_or_account_makes_way(
    store: Path, tmp_path: Path, place: str, kind: str
) -> None:
    (tmp_path / "host").write_text("of the host")
    image = root_of(store, tmp_path, archive((place, kind, str(tmp_path / "host"))))

    assert (tmp_path / "host").read_text() == "of the host"
    assert mounted(image, f"stat -c %F {place}") == ("regular file\n" if place.startswith("etc") else "directory\n")


def test_etc_that_leads_elsewhere_is_refused(store: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    elsewhere = str(tmp_path / "outside")
    for kind, target, why in (
        ("symlink", elsewhere, "leads out of"),
        ("symlink", "etc", "leads in a circle"),
        ("file", elsewhere, "File exists: /etc"),
    ):
        with pytest.raises(InvalidImage, match=f"its root: .*{why}"):
            root_of(store, tmp_path, archive(("etc", kind, target)))
    assert os.listdir(tmp_path / "outside") == []


def test_owners_beyond_a_containers_ids_are_nobody(store: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    (tmp_path / "root.tar").write_bytes(pax(uid=b"70000", gid=b"5") + header(b"a") + archive())

    image = import_file(store, tmp_path / "root.tar", "small", lines.append)

    assert mounted(image, "stat -c '%u %g' a") == "65534 5\n"
    assert "1 files of ids above 65535 are nobody's" in lines


def test_names_that_the_environment_cannot_have_are_told(store: Path, blobs: Blobs, root_tar: Path, work: Path) -> None:
    lines: list[str] = []
    digest = with_config(blobs, root_tar, work, config={"Env": ["A.B=1", "C=2", "C=3", "D", "=x"]})

    image = installed(store, digest, progress=lines.append)

    assert image.env == {"C": "3", "D": ""}
    assert "left out of the environment, for their names: 'A.B', ''" in lines


@pytest.mark.parametrize("module", ["json", "sandboxd"])
def test_no_module_of_the_working_directory_is_run(
    store: Path, root_tar: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """Anybody may write to that of a server which was started in /tmp, and the tools are root's."""
    place = tmp_path / "cwd"
    place.mkdir()
    (place / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w'); raise SystemExit('of the directory')")
    monkeypatch.chdir(place)

    image = import_file(store, root_tar, "small")
    for file in ("oci.json", "oci-layers.json"):  # so that its layers are read, too, for being written
        (image.directory / file).unlink()
    to_oci(image, Blobs(store), work)

    assert not (tmp_path / "ran").exists()


# Killed anywhere.

KILLED = """
import sys
from pathlib import Path
from sandboxd.images.importing import import_file

def reach(line):
    if line.startswith(sys.argv[3]):
        print("there", flush=True)
        sys.stdin.read()

import_file(Path(sys.argv[1]), Path(sys.argv[2]), "small", reach)
"""


@pytest.mark.parametrize("stop", ["reading", "unpacking", "1 files lost", "writing the erofs file", "sha256:"])
def test_a_killed_import_leaves_a_store_that_can_be_used(
    store: Path, root_tar: Path, tmp_path: Path, stop: str
) -> None:
    (tmp_path / "old.tar").write_bytes(archive(("old", "file", "x")))
    old = import_file(store, tmp_path / "old.tar", "small")
    argv = [sys.executable, "-c", KILLED, str(store), str(root_tar), stop]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.kill()

    present = ImageStore(store).get("small")
    assert present is not None
    assert (present.digest == old.digest) == (not stop.startswith("sha256"))
    new = import_file(store, root_tar, "small")
    assert mounted(new, "cat etc/motd") == "of the image\n"
    assert os.listdir(store / ".tmp") == []
    assert list((store / ".blobs").rglob("*.partial")) == []


# The default image, there and back.


def test_the_default_image_goes_to_another_store_and_runs_python(store: Path, tmp_path: Path, work: Path) -> None:
    """As an archive that docker load takes, with its languages in a label."""
    default = ImageStore(make_store(tmp_path / "source")).get("default")
    assert default is not None
    blobs = Blobs(tmp_path / "source" / "images")
    image = to_oci(default, blobs, work)
    with (tmp_path / "default.tar").open("wb") as out:
        writing.write_archive(blobs, [(image, parse_reference("sandboxd/default:1"))], out)

    again = import_file(store, tmp_path / "default.tar", "default")

    assert (again.languages, again.env) == (default.languages, default.env)
    program = pb.Source(language="python", code=b"import ssl, sys; print(sys.version_info[:2])")
    with serving("--state-dir", str(store.parent)) as server, SandboxClient(server.address) as client:
        answer = client.execute(pb.ExecuteRequest(source=program), timeout=60)
    assert (answer.run.stdout.data, answer.run.stderr.data) == (b"(3, 11)\n", b"")
