"""One-line mutants of the walls: each takes out one step of the set-up, one limit or one check, and names the test that notices.

Never the mount namespace: without it pivot_root(2) would act on the host.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.mutation import INIT, Edit

_STEPS = "sandboxd/runtime/steps.py"
_START = "sandboxd/runtime/start.py"
_CALLS = "sandboxd/linux/calls.py"
_LAUNCHER = "sandboxd/runtime/launcher.py"
_TEMPLATE = "sandboxd/runtime/template.py"
_HOOK = "sandboxd/runtime/hooks/cpython.py"
_LAYOUT = "sandboxd/runtime/layout.py"
_NETWORKS = "sandboxd/linux/empty_networks.py"
_CONTAINER = "sandboxd/runtime/container.py"
_SUPERVISOR = "sandboxd/runtime/supervisor.py"
_WORKSPACE = "sandboxd/runtime/workspace.py"
_CHANGES = "sandboxd/runtime/changes.py"
_COMMITS = "sandboxd/service/commits.py"
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
    return Mutant(f"no {name}", Edit(_STEPS, f"    {name},\n"), caught_by)


def _namespace(name: str, caught_by: str) -> Mutant:
    return Mutant(f"no {name} namespace", Edit(_LAUNCHER, f"    | process.Namespace.{name}\n"), caught_by)


def _without(what: str, file: str, line: str, caught_by: str, *, instead: str = "") -> Mutant:
    return Mutant(f"without {what}", Edit(file, line, instead), caught_by)


MUTANTS = (
    _without(
        "an end of others' descriptors",
        INIT,
        " || CALL(close_range, 1, ~0U, 0) < 0",
        "container/test_walls::test_init_is_stripped_too",
    ),
    _without(
        "an account of bytes",
        _LAUNCHER,
        '        account.append(_opened(opened, os.open(f"/proc/{pid}/io", os.O_RDONLY | os.O_CLOEXEC)))\n',
        "container/test_usage::test_every_figure_is_there",
        instead="        pass\n",
    ),
    _without(
        "an undumpable launcher while it acts as another",
        "sandboxd/linux/credentials.py",
        "        process.make_undumpable()\n        _raise_permitted()\n",
        "container/test_zygote::test_who_acts_as_another_is_not_dumpable",
        instead="        _raise_permitted()\n",
    ),
    _without(
        "an undumpable clone",
        INIT,
        "        result = CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);\n",
        "container/test_walls::test_nobody_who_has_the_launchers_tree_is_dumpable",
        instead="        result = 0;\n",
    ),
    _without(
        "an undumpable init before it has a root of its own",
        _CALLS,
        "    become_with_effective(script, uid, gid, uid)\n    make_undumpable(script)\n",
        "container/test_walls::test_nobody_who_has_the_launchers_tree_is_dumpable",
        instead="    become_with_effective(script, uid, gid, uid)\n",
    ),
    _without(
        "a look at who joins a container's group",
        _LAUNCHER,
        'if pid and os.path.samefile(f"/proc/{pid}/ns/pid", f"/proc/{made.pid}/ns/pid"):',
        "container/test_template::test_nobody_but_a_fork_joins_its_containers_group",
        instead="if pid:",
    ),
    _step("enter_group", "container/test_limits::test_all_of_it_is_in_its_group"),
    _step("enter_own_namespaces", "container/test_walls::test_control_groups_begin_at_the_containers_own"),
    _step("mount_devices", "container/test_files::test_devices"),
    _step("mount_proc", "container/test_walls::test_init_cannot_be_seen"),
    _step("show_own_cpus", "container/test_limits::test_program_sees_the_cpus_that_it_may_use"),
    _step("mask_proc", "container/test_files::test_proc_is_masked"),
    _step("forget_privileges", "container/test_walls::test_no_capability_in_any_set_and_no_way_to_one"),
    _step("limit_what_no_request_sets", "container/test_limits::test_rlimit_that_no_request_sets"),
    _step("restrict_access", "container/test_walls::test_landlock_stands_behind_permissions"),
    _without(
        "a pid namespace of the launcher's own",
        "sandboxd/linux/spawn.py",
        "        process.unshare(process.Namespace.PID)\n",
        "container/test_template::test_it_stands_behind_walls",
    ),
    _without(
        "an end of privileges of a template",
        _TEMPLATE,
        "    calls.become_with(build.script, uid, uid, credentials.CAP_SETUID, build.plan.last_capability)\n",
        "container/test_template::test_it_stands_behind_walls",
    ),
    _without(
        "a filter of a template",
        _TEMPLATE,
        "    filter_system_calls,\n",
        "container/test_template::test_what_an_image_makes_of_its_template",
    ),
    _without(
        "bounds on who a template becomes",
        "sandboxd/runtime/engine.py",
        "only_these_users(PROGRAM_UID, *row.owners) + ",
        "container/test_template::test_what_an_image_makes_of_its_template",
    ),
    _without(
        "a read-only root of a template",
        _TEMPLATE,
        "MountFlag.NODEV | MountFlag.RDONLY",
        "container/test_template::test_what_an_image_makes_of_its_template",
        instead="MountFlag.NODEV",
    ),
    _without(
        "an empty bounding set of a fork",
        _HOOK,
        '        call("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0)\n',
        "container/test_template::test_a_fork_stands_behind_the_walls_of_a_program",
        instead="        pass\n",
    ),
    _without(
        "locked securebits of a fork",
        _HOOK,
        '    call("prctl", PR_SET_SECUREBITS, config.securebits, 0, 0, 0)\n',
        "container/test_template::test_a_fork_stands_behind_the_walls_of_a_program",
    ),
    _without(
        "empty capability sets of a fork",
        _HOOK,
        '    call("capset", packed(4, LINUX_CAPABILITY_VERSION_3, 0), bytes(24))\n',
        "container/test_template::test_a_fork_stands_behind_the_walls_of_a_program",
    ),
    _without(
        "Landlock of a fork",
        _HOOK,
        "        restrict_access(config)\n",
        "container/test_template::test_a_fork_stands_behind_the_walls_of_a_program",
    ),
    _namespace("PID", "container/test_walls::test_init_cannot_be_seen"),
    _without(
        "a network namespace",
        _NETWORKS,
        "    process.unshare(process.Namespace.NETWORK)\n",
        "container/test_walls::test_network",
    ),
    _without(
        "a fork's own network namespace",
        _LAUNCHER,
        "            namespaces |= process.Namespace.NETWORK\n",
        "container/test_template::test_a_forks_network_is_nobody_elses",
        instead="            pass\n",
    ),
    _without(
        "a network namespace of one's own where other sockets can be made",
        "sandboxd/runtime/engine.py",
        "own_network=template is not None or not seccomp.plain_sockets",
        "container/test_networks::test_where_other_sockets_can_be_made_each_has_its_own",
        instead="own_network=template is not None",
    ),
    _without(
        "a look at what was done to a network namespace",
        _NETWORKS,
        "_told() == network.told_when_new",
        "container/test_networks::test_one_that_something_was_done_to_is_given_up",
        instead="True",
    ),
    _namespace("IPC", "container/test_lifecycle::test_system_v_and_posix_ipc_end_with_it"),
    _namespace("UTS", "container/test_walls::test_namespace_is_the_containers_own"),
    _without(
        "a cgroup namespace",
        _STEPS,
        '    build.script.call("unshare", process.Namespace.CGROUP)\n',
        "container/test_walls::test_control_groups_begin_at_the_containers_own",
    ),
    _without(
        "a part of a CPU",
        _SUPERVISOR,
        "                container.cgroup.limit_cpus(self._limits.cpus)\n",
        "container/test_limits::test_cpus_below_one_are_throttled",
        instead="                pass\n",
    ),
    _without(
        "a host name",
        _STEPS,
        '    build.script.call("sethostname", HOSTNAME, len(HOSTNAME))\n',
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
    _without("hidepid", _STEPS, ', b"hidepid=2")', "container/test_walls::test_init_cannot_be_seen", instead=")"),
    _without(
        "masks",
        _STEPS,
        "        calls.mask(build.script, _ROOT + path, _NULL, _EMPTY)\n",
        "container/test_files::test_proc_is_masked",
        instead="        pass\n",
    ),
    _without(
        "read-only paths in /proc",
        _STEPS,
        "        calls.protect(build.script, _ROOT + path)\n",
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
        _CALLS,
        '        script.call("prctl", process.PR_CAPBSET_DROP, capability, 0, 0, 0)\n',
        "container/test_walls::test_no_capability_in_any_set_and_no_way_to_one",
        instead="        pass\n",
    ),
    _without(
        "locked securebits",
        _CALLS,
        '    script.call("prctl", process.PR_SET_SECUREBITS, credentials.SECUREBITS, 0, 0, 0)\n\n\ndef drop_capabilities',
        "container/test_walls::test_root_is_no_longer_special_and_cannot_be_made_so",
        instead="\n\ndef drop_capabilities",
    ),
    _without(
        "empty capability sets",
        _STEPS,
        "    calls.drop_capabilities(build.script)\n",
        "container/test_walls::test_init_is_stripped_too",
    ),
    _without(
        "no_new_privs",
        _STEPS,
        "    calls.forbid_new_privileges(build.script)\n",
        "container/test_walls::test_init_is_stripped_too",
    ),
    _without(
        "a user of init's own",
        _STEPS,
        "    calls.become_with_effective(build.script, PROGRAM_UID, PROGRAM_GID, build.plan.init)\n",
        "container/test_walls::test_limits_of_init_cannot_be_set",
        instead="    calls.become(build.script, PROGRAM_UID, PROGRAM_GID)\n",
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
        "    calls.limit(build.script, resource.RLIMIT_SIGPENDING, _QUEUED_SIGNALS)\n",
        "container/test_limits::test_rlimit_that_no_request_sets",
    ),
    _without(
        "RLIMIT_CPU",
        _START,
        "    calls.limit(script, resource.RLIMIT_CPU, program.cpu_seconds)\n",
        "container/test_limits::test_rlimit_of_cpu_stands_behind_the_budget",
    ),
    _without(
        "RLIMIT_NPROC",
        _START,
        "    calls.limit(script, resource.RLIMIT_NPROC, program.processes + PROCESSES_OF_INIT + _RLIMIT_NPROC_MARGIN)\n",
        "container/test_limits::test_rlimit_of_processes_stands_behind_the_cgroup",
    ),
    _without(
        "RLIMIT_FSIZE",
        _START,
        "    calls.limit(script, resource.RLIMIT_FSIZE, program.file_size_bytes)\n",
        "container/test_limits::test_file_size",
    ),
    _without(
        "RLIMIT_STACK",
        _START,
        "    calls.limit(script, resource.RLIMIT_STACK, program.stack_bytes)\n",
        "container/test_limits::test_rlimit_is_set_soft_and_hard",
    ),
    _without(
        "RLIMIT_NOFILE",
        INIT,
        "        result = limit(RLIMIT_NOFILE, start->open_files);\n",
        "container/test_limits::test_open_files",
        instead="        result = 0;\n",
    ),
    _without(
        "RLIMIT_NOFILE of a fork",
        INIT,
        " || (failure.error = limit(RLIMIT_NOFILE, start->open_files)) < 0",
        "container/test_template::test_a_forks_limits_are_the_requests",
        instead=" || start->open_files == 0",
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
        "a limit of processes",
        _V1,
        '        write_at(directories["pids"], "pids.max", settings.processes)\n',
        "container/test_limits::test_processes_are_exactly_as_many",
        instead="        pass\n",
    ),
    _without(
        "a set of CPUs",
        _V1,
        "settings.cpu_set or read_at(",
        "container/test_limits::test_program_sees_the_cpus_that_it_may_use",
        instead="read_at(",
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
        "_GUARD = mounts.MountAttr.NOSUID | mounts.MountAttr.NODEV\n",
        "container/test_files::test_no_setuid_file_gives_anything",
        instead="_GUARD = mounts.MountAttr.NODEV\n",
    ),
    _without(
        "read-only devices",
        _LAYOUT,
        "    mounts.set_attributes(fd, _READ_ONLY)\n",
        "container/test_files::test_mounts_are_these_and_no_more",
    ),
    _without(
        "an owner of its own for its namespaces",
        INIT,
        "    long result = CALL(setresuid, -1, order->owner, -1);\n",
        "container/test_pressure::test_what_one_container_takes_another_does_not_miss",
        instead="    long result = 0;\n",
    ),
    _without(
        "a way back from who owns a clone",
        INIT,
        "    if (CALL(setresuid, -1, 0, -1) < 0 || (",
        "container/test_init::test_namespaces_are_the_owners_and_the_zygote_is_root_again",
        instead="    if ((",
    ),
    _without(
        "doubt about a pidfd of what could not be cloned",
        INIT,
        "        *pidfd = -1; /*",
        "faults/test_exhaustion::test_no_thread_to_be_had",
        instead="        (void)pidfd; /*",
    ),
    _without(
        "a way back from the network of a clone",
        INIT,
        " || (network >= 0 && CALL(setns, own_network, CLONE_NEWNET) < 0)",
        "container/test_zygote::test_it_is_itself_again",
    ),
    _without(
        "the network that a clone is to have",
        INIT,
        "        result = CALL(setns, network, CLONE_NEWNET);\n",
        "container/test_networks::test_programs_at_the_same_time_have_different_ones",
        instead="        result = 0;\n",
    ),
    _without(
        "a read-only root where the program owns it",
        _STEPS,
        "    if build.plan.single:",
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
        "an environment of the launcher's own",
        "sandboxd/linux/spawn.py",
        "(path, argv, {},",
        "container/test_walls::test_launcher_and_zygote_know_nothing_of_the_servers_environment",
        instead="(path, argv, dict(os.environ),",
    ),
    _without(
        "the kill for thrashing",
        _SUPERVISOR,
        "            self._end_in_time(Killed.THRASHING)\n",
        "container/test_limits::test_a_program_without_room_for_its_code_is_out_of_memory",
        instead="            self._timer = self._loop.call_later(_LONGEST_TICK_S, self._tick)\n",
    ),
    _without(
        "the kill for memory",
        _SUPERVISOR,
        "            self.kill(Killed.MEMORY)\n",
        "container/test_verdicts::test_who_is_left_when_a_child_was_killed_for_memory_is_ended",
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
        "a template that answers no notification",
        "sandboxd/runtime/engine.py",
        " + no_ways_around()",
        "container/test_template::test_an_image_does_not_answer_for_its_templates_filter",
    ),
    _without(
        "a listener that is one",
        _CONTAINER,
        "                if not seccomp.is_listener(fds[0]):\n",
        "unit/test_container::test_a_descriptor_that_is_no_listener_ends_the_container",
        instead="                if not fds[0]:\n",
    ),
    _without(
        "a thread for what may wait",
        "sandboxd/runtime/listener.py",
        "                self._turns.put(True)\n",
        "unit/test_listener::test_the_loop_does_not_wait_for_what_another_has_taken",
        instead="                self._received(seccomp.receive(self._fd), None)\n",
    ),
    _without(
        "death for i386 calls",
        _PROFILE,
        "compiled.set_attr(library.Attr.ACT_BADARCH, library.NOTIFY if refusal is None else refusal)",
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
        INIT,
        "        result = CALL(setresuid, user, user, user);\n",
        "container/test_files::test_standard_streams_can_be_opened_by_name",
        instead="        result = user;\n",
    ),
    _without(
        "a session of the program's own",
        INIT,
        "result = CALL(setsid);",
        "container/test_walls::test_program_leads_a_session_of_its_own",
        instead="result = 0;",
    ),
    _without(
        "an empty signal mask",
        INIT,
        "        result = CALL(rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);\n",
        "container/test_verdicts::test_own_signal_is_signaled",
        instead="        result = none;\n",
    ),
    _without(
        "default signals",
        INIT,
        "        CALL(rt_sigaction, number, &by_default, NULL, sizeof by_default.mask);\n",
        "container/test_walls::test_signals_are_at_their_defaults",
        instead="        (void)by_default;\n",
    ),
    _without(
        "an end of what the program leaves",
        INIT,
        "    CALL(kill, -1, SIGKILL); /* no fork escapes a kill of everybody (kill(2)) */\n"
        "    while (CALL(wait4, -1, NULL, 0, NULL) > 0)\n        ;\n",
        "container/test_usage::test_children_are_counted_when_nobody_waits_for_them",
    ),
    _without(
        "a look at what init itself has read",
        INIT,
        "        after[0] -= before[0];\n",
        "container/test_usage::test_bytes_of_init_are_not_the_programs",
    ),
    _without(
        "limits of a fork's own",
        INIT,
        "    return CALL(prlimit64, program_pid, resource, &limits, NULL);\n",
        "container/test_template::test_a_forks_limits_are_the_requests",
        instead="    return CALL(prlimit64, 0, resource, &limits, NULL);\n",
    ),
    _without(
        "a bound on limits by what there is",
        INIT,
        "    if (value > limits.rlim_max)\n        value = limits.rlim_max;\n",
        "container/test_init::test_a_limit_above_the_hard_one_is_that_one",
    ),
    _without(
        "a look at whether all descriptors came",
        INIT,
        "    if (message.flags & (MSG_TRUNC | MSG_CTRUNC)) {\n",
        "container/test_zygote::test_nothing_is_done_without_all_descriptors",
        instead="    if (message.flags & MSG_TRUNC) {\n",
    ),
    _without(
        "an end at what fails",
        INIT,
        "        if (left_out < 0)\n",
        "container/test_init::test_a_failure_names_the_step_and_what_it_was_about",
        instead="        if (left_out < -1)\n",
    ),
    _without(
        "calls that are left out after what was expected",
        INIT,
        "            return call->skip_after[index];\n",
        "container/test_init::test_a_script_is_what_it_says_in_c_and_in_python",
        instead="            return 0;\n",
    ),
    _without(
        "calls that are left out after a success",
        INIT,
        "        return call->skip;\n",
        "container/test_files::test_files_arrive_with_content_and_mode",  # each is a new one
        instead="        return 0;\n",
    ),
    _without(
        "the place of a request's files behind the script",
        INIT,
        "    offset += script->end_of_calls;\n",
        "container/test_files::test_files_arrive_with_content_and_mode",
        instead="    offset += 0 * script->end_of_calls;\n",
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
        "an empty workspace for templates",
        _TEMPLATE,
        "    calls.mount(build.script, empty, workspace, None, MountFlag.BIND)\n"
        "    calls.write_protect(build.script, workspace)\n",
        "container/test_image_workspace::test_templates_do_not",
    ),
    _without(
        "nosuid and nodev for an image's workspace",
        _STEPS,
        "_GUARD, _lower(below) + _OVER_WORKSPACE)",
        "container/test_image_workspace::test_the_walls_stand_there_as_elsewhere",
        instead="0, _lower(below) + _OVER_WORKSPACE)",
    ),
    _without(
        "a policy that permits commits",
        _COMMITS,
        "        if not policy.commit:\n",
        "images/test_commit::test_only_where_the_policy_permits_it",
        instead="        if policy is None:\n",
    ),
    _without(
        "a bound on what is committed",
        _CHANGES,
        "            if status.st_size > self._left:\n",
        "unit/test_changes::test_what_is_too_much_is_refused",  # whose first case is small
        instead="            if status.st_size > 10**6:\n",
    ),
    _without(
        "a wall against links in a commit",
        _CHANGES,
        "        return open_beneath(directory, name, flags)\n",
        "unit/test_changes::test_what_is_replaced_between_two_looks_is_not_followed",
        instead="        return os.open(name, flags, dir_fd=directory)\n",
    ),
    _without(
        "a second look at what is committed",
        _CHANGES,
        "            if not stat.S_ISREG(status.st_mode):\n",
        "unit/test_changes::test_what_is_replaced_between_two_looks_is_not_followed",
        instead="            if stat.S_ISDIR(status.st_mode):\n",
    ),
    _without(
        "taking setuid off what is committed",
        _CHANGES,
        "        os.fchmod(fd, status.st_mode & 0o777)\n",
        "unit/test_changes::test_a_copy_is_the_programs_whoever_owned_it",
        instead="        os.fchmod(fd, status.st_mode & 0o7777)\n",
    ),
    _without(
        "doubt about what a program says is hidden",
        _CHANGES,
        "        if self._overlaid and _hides(found):\n",
        "unit/test_changes::test_what_a_program_says_is_hidden_is_not",
        instead="        if _hides(found):\n",
    ),
    _without(
        "paths that stay beneath",
        "sandboxd/linux/files.py",
        "    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_XDEV\n",
        "unit/test_files::test_what_leads_out_is_refused",
        instead="    resolve = 0\n",
    ),
    _without(
        "an undumpable init",
        _STEPS,
        "    calls.make_undumpable(build.script)\n",
        "container/test_walls::test_init_that_waits_is_not_dumpable",
    ),
    _without(
        "undumpability of the memory that init lends",
        INIT,
        "        result = CALL(prctl, PR_SET_DUMPABLE, 0);\n",
        "container/test_walls::test_init_is_stripped_too",
        instead="        result = 0;\n",
    ),
    _without(
        "undumpability after it has written the request's files",
        _CALLS,
        '    script.call("setresuid", _UNCHANGED, uid, _UNCHANGED)\n    make_undumpable(script)\n',
        "container/test_template::test_init_of_a_fork_is_not_dumpable",
        instead='    script.call("setresuid", _UNCHANGED, uid, _UNCHANGED)\n',
    ),
)
