"""One-line mutants of the walls: each takes out one step of the set-up, one limit or one check, and names the test that notices.

Never the mount namespace: without it pivot_root(2) would act on the host.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.mutation import Edit

_INIT = "sandboxd/runtime/init.py"
_STEPS = "sandboxd/runtime/steps.py"
_LAUNCHER = "sandboxd/runtime/launcher.py"
_LAYOUT = "sandboxd/runtime/layout.py"
_CONTAINER = "sandboxd/runtime/container.py"
_SUPERVISOR = "sandboxd/runtime/supervisor.py"
_WORKSPACE = "sandboxd/runtime/workspace.py"
_CREDENTIALS = "sandboxd/linux/credentials.py"
_PROFILE = "sandboxd/linux/seccomp_profile.py"
_V1 = "sandboxd/linux/cgroups/v1.py"
_WALL_CLOCK = """\
import time as _time
import types

_FIRST = _time.time_ns() - _time.monotonic_ns()
time = types.SimpleNamespace(monotonic_ns=lambda: _time.time_ns() - _FIRST)
"""


@dataclass(frozen=True)
class Mutant:
    """``caught_by`` is a test of ``tests/``, such as ``container/test_walls::test_network``."""

    name: str
    edit: Edit
    caught_by: str


def _step(name: str, caught_by: str) -> Mutant:
    return Mutant(f"no {name}", Edit(_INIT, f"    steps.{name},\n"), caught_by)


def _namespace(name: str, caught_by: str) -> Mutant:
    return Mutant(f"no {name} namespace", Edit(_LAUNCHER, f"    | process.Namespace.{name}\n"), caught_by)


def _without(what: str, file: str, line: str, caught_by: str, *, instead: str = "") -> Mutant:
    return Mutant(f"without {what}", Edit(file, line, instead), caught_by)


MUTANTS = (
    _step("keep_only_own_descriptors", "container/test_walls::test_init_is_stripped_too"),
    _step("open_own_io", "container/test_usage::test_every_figure_is_there"),
    _step("enter_own_namespaces", "container/test_walls::test_control_groups_begin_at_the_containers_own"),
    _step("mount_devices", "container/test_files::test_devices"),
    _step("mount_proc", "container/test_walls::test_init_cannot_be_seen"),
    _step("show_own_cpus", "container/test_limits::test_program_sees_the_cpus_that_it_may_use"),
    _step("mask_proc", "container/test_files::test_proc_is_masked"),
    _step("forget_privileges", "container/test_walls::test_no_capability_in_any_set_and_no_way_to_one"),
    _step("limit_what_no_request_sets", "container/test_limits::test_rlimit_that_no_request_sets"),
    _step(
        "die_with_the_launcher", "container/test_warm::test_containers_that_died_with_their_launcher_are_not_given_away"
    ),
    _step("restrict_access", "container/test_walls::test_landlock_stands_behind_permissions"),
    _namespace("PID", "container/test_walls::test_init_cannot_be_seen"),
    _namespace("NETWORK", "container/test_walls::test_network"),
    _namespace("IPC", "container/test_lifecycle::test_system_v_and_posix_ipc_end_with_it"),
    _namespace("UTS", "container/test_walls::test_namespace_is_the_containers_own"),
    _without(
        "a cgroup namespace",
        _STEPS,
        "    process.unshare(process.Namespace.CGROUP)\n",
        "container/test_walls::test_control_groups_begin_at_the_containers_own",
    ),
    _without(
        "a host name",
        _STEPS,
        "    socket.sethostname(HOSTNAME)\n",
        "container/test_walls::test_identity_in_the_container",
    ),
    _without(
        "nosuid",
        _STEPS,
        "_GUARD = MountFlag.NOSUID | MountFlag.NODEV",
        "container/test_files::test_no_setuid_file_gives_anything",
        instead="_GUARD = MountFlag.NODEV",
    ),
    _without(
        "nodev",
        _STEPS,
        "_GUARD = MountFlag.NOSUID | MountFlag.NODEV",
        "container/test_files::test_mounts_are_these_and_no_more",
        instead="_GUARD = MountFlag.NOSUID",
    ),
    _without("hidepid", _STEPS, ', "hidepid=2")', "container/test_walls::test_init_cannot_be_seen", instead=")"),
    _without(
        "masks",
        _STEPS,
        '        mounts.mask(_ROOT + path, f"{_ROOT}/dev/null", f"{layout.CONTAINER_WRITABLE}/{layout.EMPTY}")\n',
        "container/test_files::test_proc_is_masked",
        instead="        pass\n",
    ),
    _without(
        "read-only paths in /proc",
        _STEPS,
        "        mounts.protect(_ROOT + path)\n",
        "container/test_files::test_mounts_are_these_and_no_more",
        instead="        pass\n",
    ),
    _without(
        "a limit of terminals",
        _STEPS,
        ",max={_TERMINALS},",
        "container/test_pressure::test_terminals_are_few",
        instead=",",
    ),
    _without(
        "an empty bounding set",
        _CREDENTIALS,
        "        process.prctl(process.PR_CAPBSET_DROP, capability, 0, 0, 0)\n",
        "container/test_walls::test_no_capability_in_any_set_and_no_way_to_one",
        instead="        pass\n",
    ),
    _without(
        "locked securebits",
        _CREDENTIALS,
        "    process.prctl(process.PR_SET_SECUREBITS, _SECUREBITS_LOCKED, 0, 0, 0)\n",
        "container/test_walls::test_root_is_no_longer_special_and_cannot_be_made_so",
    ),
    _without(
        "empty capability sets",
        _STEPS,
        "    credentials.drop_capabilities()\n",
        "container/test_walls::test_init_is_stripped_too",
    ),
    _without(
        "no_new_privs",
        _STEPS,
        "    process.forbid_new_privileges()\n",
        "container/test_walls::test_init_is_stripped_too",
    ),
    _without(
        "a user of init's own",
        _STEPS,
        "    credentials.become_with_effective(PROGRAM_UID, PROGRAM_GID, child.ids.init)\n",
        "container/test_walls::test_limits_of_init_cannot_be_set",
        instead="    credentials.become(PROGRAM_UID, PROGRAM_GID)\n",
    ),
    _without(
        "the limit of core dumps",
        _LAUNCHER,
        "    process.cap_rlimit(resource.RLIMIT_CORE, 1)\n",
        "container/test_limits::test_rlimit_that_no_request_sets",
    ),
    _without(
        "the limit of pending signals",
        _STEPS,
        "    process.cap_rlimit(resource.RLIMIT_SIGPENDING, 4096)\n",
        "container/test_limits::test_rlimit_that_no_request_sets",
    ),
    _without(
        "RLIMIT_CPU",
        _INIT,
        "    process.cap_rlimit(resource.RLIMIT_CPU, cpu, cpu)\n",
        "container/test_limits::test_rlimit_of_cpu_stands_behind_the_budget",
    ),
    _without(
        "RLIMIT_NPROC",
        _INIT,
        "    process.cap_rlimit(resource.RLIMIT_NPROC, program.processes + PROCESSES_OF_INIT + _RLIMIT_NPROC_MARGIN)\n",
        "container/test_limits::test_rlimit_of_processes_stands_behind_the_cgroup",
    ),
    _without(
        "RLIMIT_FSIZE",
        _INIT,
        "    process.cap_rlimit(resource.RLIMIT_FSIZE, program.file_size_bytes)\n",
        "container/test_limits::test_file_size",
    ),
    _without(
        "RLIMIT_STACK",
        _INIT,
        "    process.cap_rlimit(resource.RLIMIT_STACK, program.stack_bytes)\n",
        "container/test_limits::test_rlimit_is_set_soft_and_hard",
    ),
    _without(
        "RLIMIT_NOFILE",
        _INIT,
        "    process.cap_rlimit(resource.RLIMIT_NOFILE, program.open_files)\n",
        "container/test_limits::test_open_files",
    ),
    _without(
        "a limit of memory",
        _V1,
        "        _limit_memory(\n",
        "container/test_limits::test_memory_of_every_kind_counts",
        instead="        (lambda *_, **__: None)(\n",
    ),
    _without(
        "CPU shares",
        _V1,
        '        write_at(cpu, "cpu.shares", settings.cpu_shares)\n',
        "container/test_limits::test_cpu_shares_divide_a_busy_cpu",
        instead="        pass\n",
    ),
    _without(
        "a quota of CPU time",
        _V1,
        "-1 if settings.cpu_quota is None else quota_us(settings.cpu_quota)",
        "container/test_limits::test_cpus_below_one_are_throttled",
        instead="-1",
    ),
    _without(
        "a limit of processes",
        _V1,
        '        write_at(directories["pids"], "pids.max", settings.processes)\n',
        "container/test_limits::test_processes_are_exactly_as_many",
        instead="        pass\n",
    ),
    _without(
        "a set of CPUs",
        _V1,
        "parent_cpuset, settings.cpu_set)\n",
        "container/test_limits::test_program_sees_the_cpus_that_it_may_use",
        instead="parent_cpuset, None)\n",
    ),
    _without(
        "a limit of inodes",
        _LAUNCHER,
        "        nr_inodes=str(spec.inodes),\n",
        "container/test_files::test_inodes_are_limited",
    ),
    _without(
        "the request's limit of disk",
        _LAUNCHER,
        "            mounts.reconfigure(writable_fd, size=_size(disk_bytes, stat))\n",
        "container/test_warm::test_limits_are_those_of_the_request",
    ),
    _without(
        "the request's limits in a spare container",
        _LAUNCHER,
        "            self._containers[container_id].group.change(settings)\n",
        "container/test_warm::test_limits_are_those_of_the_request",
    ),
    _without(
        "nosuid of what can be written",
        _LAUNCHER,
        "        mounts.MountAttr.NOSUID | mounts.MountAttr.NODEV,\n",
        "container/test_files::test_no_setuid_file_gives_anything",
        instead="        mounts.MountAttr.NODEV,\n",
    ),
    _without(
        "read-only devices",
        _LAYOUT,
        "    mounts.set_attributes(fd, guard | MountAttr.RDONLY)\n",
        "container/test_files::test_mounts_are_these_and_no_more",
    ),
    _without(
        "an owner of its own for its namespaces",
        _LAUNCHER,
        "            with credentials.acting_as(spec.owner):\n",
        "container/test_pressure::test_what_one_container_takes_another_does_not_miss",
        instead="            if True:\n",
    ),
    _without(
        "a read-only root where the program owns it",
        _STEPS,
        "    if child.ids.single:",
        "rootless/test_server::test_root_file_system_is_not_the_programs",
        instead="    if False:",
    ),
    _without(
        "three ids of its own",
        "sandboxd/runtime/identities.py",
        "max(inside, 1) - 1, -FEW_IDS)",
        "rootless/test_server::test_each_container_has_ids_of_its_own",
        instead="max(inside, 1) - 1, -1)",
    ),
    _without(
        "nosuid for the host's devices",
        _LAYOUT,
        "    mounts.set_attributes(fd, MountAttr.RDONLY | MountAttr.NOSUID | MountAttr.NOEXEC)\n",
        "rootless/test_server::test_every_mount_is_nosuid",
    ),
    _without(
        "an empty environment of the launcher",
        "sandboxd/runtime/launcher_client.py",
        "(path, argv, {},",
        "container/test_walls::test_launcher_knows_nothing_of_the_servers_environment",
        instead="(path, argv, dict(os.environ),",
    ),
    _without(
        "the kill for memory",
        _SUPERVISOR,
        "            self.kill(Killed.MEMORY)\n",
        "container/test_usage::test_counts_are_the_same_whichever_way_it_ends",
        instead="            pass\n",
    ),
    _without(
        "the kill for CPU time",
        _SUPERVISOR,
        "            self._end_in_time(Killed.CPU_TIME)\n",
        "container/test_verdicts::test_cpu_time_of_dead_and_daemonised_children_counts",
        instead="            pass\n",
    ),
    _without(
        "the kill for wall time",
        _SUPERVISOR,
        "            self._end_in_time(Killed.WALL_TIME)\n",
        "container/test_limits::test_wall_time_is_independent_of_cpu_time",
        instead="            pass\n",
    ),
    _without(
        "a clock that never jumps",
        _SUPERVISOR,
        "import time\n",
        "faults/test_clock::test_a_jump_changes_no_time_and_no_verdict",
        instead=_WALL_CLOCK,
    ),
    _without(
        "the kill for output",
        _SUPERVISOR,
        "lambda: self.kill(Killed.OUTPUT)",
        "container/test_usage::test_counts_are_the_same_whichever_way_it_ends",
        instead="lambda: None",
    ),
    _without(
        "the kill for a deadly call",
        _SUPERVISOR,
        "        self.kill(Killed.SECURITY)\n",
        "container/test_verdicts::test_security_violation_names_the_call",
        instead="        pass\n",
    ),
    _without(
        "death for i386 calls",
        _PROFILE,
        "compiled.set_attr(library.Attr.ACT_BADARCH, library.NOTIFY)",
        "container/test_walls::test_i386_call_dies",
        instead="compiled.set_attr(library.Attr.ACT_BADARCH, library.ALLOW)",
    ),
    _without(
        "ENOSYS for newer calls",
        _PROFILE,
        "program = _enosys_above(newest) + file.read()",
        "container/test_walls::test_system_call_is_refused",
        instead="program = file.read()",
    ),
    _without(
        "ids of the program's own",
        _INIT,
        "            resetids=True,\n",
        "container/test_files::test_standard_streams_can_be_opened_by_name",
    ),
    _without(
        "a session of the program's own",
        _INIT,
        "            setsid=True,\n",
        "container/test_walls::test_program_leads_a_session_of_its_own",
    ),
    _without(
        "an empty signal mask",
        _INIT,
        "            setsigmask=[],\n",
        "container/test_verdicts::test_own_signal_is_signaled",
    ),
    _without(
        "default signals",
        _INIT,
        "            setsigdef=_ALL_SIGNALS,\n",
        "container/test_walls::test_signals_are_at_their_defaults",
    ),
    _without(
        "an end of what the program leaves",
        _INIT,
        "    _end_the_rest()\n    usage",
        "container/test_usage::test_killed_runs_have_the_whole_usage_too",
        instead="    usage",
    ),
    _without(
        "a look at what comes back",
        _WORKSPACE,
        '"" if stat.S_ISREG(mode) else "not a regular file")',
        "container/test_files::test_what_is_no_plain_small_file_is_told_and_left",
        instead='"")',
    ),
    _without(
        "a bound on depth",
        _WORKSPACE,
        "        if depth == MAX_DEPTH:\n",
        "container/test_files::test_many_and_deep_files_are_bounded",
        instead="        if depth == 10**9:\n",
    ),
    _without(
        "paths that stay beneath",
        "sandboxd/linux/files.py",
        "    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_XDEV\n",
        "unit/test_files::test_what_leads_out_is_refused",
        instead="    resolve = 0\n",
    ),
    _without(
        "undumpability after the program's start",
        _INIT,
        "    process.make_undumpable()  # the child",
        "container/test_walls::test_init_is_stripped_too",
        instead="    # the child",
    ),
)
