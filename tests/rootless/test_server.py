"""Who everybody is where an ordinary user starts the server; what it says it lacks; and when it does not start."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandboxd.attack.program import Rights
from sandboxd.v1 import execution_service_pb2 as pb
from tests.api.conftest import command
from tests.observe import SPARE, containers_of, wait_for
from tests.ordinary import FIRST_SUBORDINATE, SUBORDINATES, UID, ordinary_user
from tests.slowness import SLOWNESS

SANDBOXD = (sys.executable, "-m", "sandboxd")
INITS_IDS = 2  # it is the program's user, and acts as its own
SUBORDINATE = range(FIRST_SUBORDINATE, FIRST_SUBORDINATE + SUBORDINATES)


def host_ids(pid):
    """Return all ids of a process as the host sees them: four of users, four of groups."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {int(number) for line in lines if line.startswith(("Uid:", "Gid:")) for number in line.split()[1:]}


def ids_of_inits(server):
    """Return the ids of each process that the launcher has started and that lives."""
    (launcher,) = server.children()
    found = []
    for pid in containers_of(launcher):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append(host_ids(pid))
    return found


def test_server_and_launcher_are_the_user(server):
    (launcher,) = server.children()

    # The launcher is the owner of a container for an instant, while it makes one.
    wait_for(lambda: {UID} == host_ids(server.pid) == host_ids(launcher))


def test_program_and_init_are_others_if_the_user_has_others(server, client, rights):
    theirs = set(SUBORDINATE) if rights is Rights.SUBORDINATE_IDS else {UID}
    wait_for(lambda: (waiting := ids_of_inits(server)) and set().union(*waiting) <= theirs)  # once they are made

    response = client.execute(command("sh", "-c", "id -u; id -G; grep -c . /proc/self/uid_map"))
    seen = {Rights.SUBORDINATE_IDS: b"1000\n1000\n3\n", Rights.ONE_ID: b"1000\n1000 65534\n1\n"}
    assert seen[rights] == response.run.stdout.data  # without other ids there is no leaving the user's groups


def test_each_container_has_ids_of_its_own(server, rights):
    """Three, where there are more than one."""
    several = rights is Rights.SUBORDINATE_IDS

    def those_that_are_made():
        made = [ids for ids in ids_of_inits(server) if not several or (UID not in ids and len(ids) == INITS_IDS)]
        return made if len(made) == SPARE else None

    made = wait_for(those_that_are_made)

    assert several == (len(set().union(*made)) == sum(map(len, made)))


def test_python_is_forked_from_a_template_where_each_container_has_an_owner_of_its_own(client, rights):
    """With one id for all a template would have the launcher's, and could end it."""
    code = "import os; print(os.getuid(), os.getppid())"
    starts = []

    def forked():
        response = client.run("python", code)
        assert (pb.VERDICT_OK, b"1000 1\n") == (response.verdict, response.run.stdout.data)
        starts.append(response.run.start)
        return response.run.start == pb.START_TEMPLATE

    if rights is Rights.SUBORDINATE_IDS:
        wait_for(forked)
    else:
        assert [False] * 10 == [forked() for _ in range(10)]


def test_root_file_system_is_not_the_programs(client):
    script = "touch /etc/x /usr/x /x; chmod 777 /; chmod 777 /etc; ls -d /x /etc/x /usr/x; stat -c %a / /etc"
    response = client.execute(command("sh", "-c", script))

    assert (pb.VERDICT_OK, b"755\n755\n") == (response.verdict, response.run.stdout.data)


def test_the_hosts_devices_are_not_changed(client):
    """They are used, and that is all."""
    script = "echo x > /dev/null; touch -d @1 /dev/null; chmod 600 /dev/zero; stat -c %Y-%a /dev/null /dev/zero"
    before = [
        f"{int(Path(name).stat().st_mtime)}-{Path(name).stat().st_mode & 0o777:o}"
        for name in ("/dev/null", "/dev/zero")
    ]

    assert before == client.execute(command("sh", "-c", script)).run.stdout.data.decode().split()


def test_every_mount_is_nosuid(client):
    """The host's device nodes, too."""
    response = client.execute(command("grep", "-vc", "nosuid", "/proc/self/mountinfo"))

    assert b"0\n" == response.run.stdout.data


def test_groups_are_the_users(server, user):
    """Once the pool is there; while it is made anew, a group can go while it is looked at."""

    def in_each_of_the_users():
        with contextlib.suppress(FileNotFoundError):
            return all(list(group.glob("**/sandboxd.*/*/cgroup.procs")) for group in user.groups)
        return False

    wait_for(in_each_of_the_users)


def test_what_is_lost_is_said(user, rights, state_dir, server):
    """By the doctor, and by the server in its log."""
    doctor = [*user.under, *SANDBOXD, "doctor", "--json", "--state-dir", str(state_dir)]
    done = subprocess.run(doctor, stdout=subprocess.PIPE, check=False)
    checks = {check["name"]: check for check in json.loads(done.stdout)}

    assert (0, True) == (done.returncode, checks["container"]["ok"])
    assert "of a user namespace" in checks["privileges"]["finding"]
    one_id = rights is Rights.ONE_ID
    assert one_id == (not checks["ids"]["ok"])
    assert one_id == ("--add-subuids" in checks["ids"]["fix"])
    assert one_id == ("one for everybody" in server.log())


def test_run_without_a_server(user, state_dir):
    """Which starts one for the call; though it is nice, which only root could take back. Nothing but the program speaks."""
    program = user.home / "hello.py"
    program.write_text("print('hello')")
    flags = ("env", f"SANDBOXD_STATE_DIR={state_dir}", f"TMPDIR={user.home}")
    run = subprocess.run(
        [*user.under, *flags, *SANDBOXD, "run", str(program)],
        stdout=subprocess.PIPE,
        check=False,
        timeout=60 * SLOWNESS,
    )

    assert (0, b"hello\n") == (run.returncode, run.stdout)


def test_attacking_ones_own_server(user, rights, state_dir):
    """As its user: the guard, too, is made in the user's own group."""
    flags = ("env", f"SANDBOXD_STATE_DIR={state_dir}", f"TMPDIR={user.home}")
    doctor = [*user.under, *flags, *SANDBOXD, "doctor", "--attack", "--json", "--only"]
    results = [
        json.loads(subprocess.run([*doctor, name], stdout=subprocess.PIPE, check=True).stdout)[0]
        for name in ("files/image", "processes/limit_init")
    ]

    assert [True, rights is Rights.SUBORDINATE_IDS] == [result["contained"] for result in results]
    assert ["one id", "subordinate ids"] == [result["needs"] for result in results]


def refusal(user, *flags, under=()):
    """Start a server that must not start; returns what it says."""
    serve = [*user.under, *under, *SANDBOXD, "serve", "--listen", f"unix:{user.home}/socket", *flags]
    done = subprocess.run(serve, capture_output=True, check=False, timeout=30 * SLOWNESS)
    assert (125, b"") == (done.returncode, done.stdout)
    return done.stderr.decode()


def test_it_does_not_start_without_groups_of_its_own(guard, state_dir):
    del guard
    with ordinary_user(Rights.ONE_ID, delegated=False) as user:
        refused = refusal(user, "--state-dir", str(state_dir))

    assert "cgroup" in refused
    assert "Delegate=yes" in refused


def test_it_does_not_start_with_an_image_that_only_root_can_mount(user):
    image = user.home / "images" / "default"
    image.mkdir(parents=True)
    for name in ("manifest.toml", "digest", "root.erofs"):
        (image / name).touch()

    assert "which only the host's root can mount" in refusal(user, "--state-dir", str(user.home))


def test_it_does_not_start_where_user_namespaces_are_forbidden(user, state_dir):
    """As on some distributions: in a namespace where there may be no further one."""
    none_left = ("unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c")
    script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all "$0" "$@"'

    assert "no user namespace for uid" in refusal(user, "--state-dir", str(state_dir), under=(*none_left, script))


@pytest.mark.parametrize("rights", [Rights.SUBORDINATE_IDS], indirect=True)
def test_more_containers_than_there_are_ids_for_is_refused(user, state_dir):
    slots = SUBORDINATES // 3 + 1
    flags = ("--slots", str(slots), "--state-dir", str(state_dir))

    assert "there are ids for" in refusal(user, *flags, under=("env", f"SANDBOXD_UID_SLOTS={slots + 100}"))
