"""What the suite covers: each threat, the attacks and tests that try it, and why one that has none cannot be tried.

``python -m tests.hostile.coverage`` writes docs/attacks.md, and the table of layers in docs/security.md; a test compares.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandboxd.attack.program import Attack, Layer, Rights, default_directory, load_suite
from tests.mutation import REPOSITORY

DOCS = REPOSITORY / "docs"
_LAYERS = "<!-- layers: python -m tests.hostile.coverage -->\n"
_RIGHTS = "<!-- rights: python -m tests.hostile.coverage -->\n"
_END = "<!-- end -->\n"
_HEAD = """\
# Attacks

What the hostile suite tries, by threat. `memory/pipes` is the program `tests/hostile/programs/memory/pipes.py`; its header says
what it does and how it must end. `container/test_walls::test_network` is a test below `tests/`. `make test` runs all but those of
`benchmarks/` (`make test-benchmarks`) and `vm/` (`make test-cgroup2`), and `sandboxd doctor --attack` the programs on your machine. What is not contained: [security.md](security.md#not-contained-or-only-in-part).

This file is made from the programs' headers: `python -m tests.hostile.coverage`.
"""


@dataclass(frozen=True)
class Threat:
    """One line of what the sandbox must hold against."""

    text: str
    tests: tuple[str, ...] = ()
    """Those that are no programs of the suite."""
    untried: str = ""
    """Why nothing tries it, or not all of it."""


CLASSES: dict[str, tuple[Threat, ...]] = {
    "Memory": (
        Threat("Anonymous memory in one process, in many that are each below the limit, in threads."),
        Threat("A child alone is killed, and its parent exits 0."),
        Threat("Files in memory: `/tmp`, the workspace, `/dev/shm`."),
        Threat("memfd, unlinked files, shared mappings."),
        Threat("System V and POSIX IPC: counted, and gone with the container."),
        Threat("Buffers of pipes and sockets, descriptors in flight."),
        Threat("Page tables, very many mappings, locked memory, huge pages."),
        Threat("Kernel objects: descriptors, timers, inodes, attributes, filters."),
        Threat("Swap.", ("container/test_limits::test_no_memory_is_swapped_out_past_the_limit",)),
        Threat("A program too large to be loaded."),
        Threat("The OOM killer picks init, or a scapegoat."),
        Threat("userfaultfd, process_madvise, MADV_POPULATE."),
    ),
    "CPU and time": (
        Threat("Spinning in threads, processes, dead and daemonised children."),
        Threat("Sleeping and waiting in every way."),
        Threat("Ignoring, blocking and looping in signals; stopping itself."),
        Threat("Sessions, double forks, daemons, subreapers, orphans that hold stdout."),
        Threat("Priorities, scheduling classes, affinity beyond the grant; keeping init from running."),
        Threat(
            "A quota is one, and throttling is told.", ("container/test_limits::test_cpus_below_one_are_throttled",)
        ),
        Threat("vfork held, flags of clone, chains of exec."),
        Threat("Races at exit: threads left alive, exit_group in a thread, killed within exec."),
        Threat(
            "How far past a limit a program lives.",
            ("benchmarks/test_overshoot::test_wall_time_is_overshot_by_less_than_50_ms",),
        ),
        Threat("Setting clocks, time namespaces."),
        Threat(
            "A process that does not die for a while.",
            ("faults/test_undying::test_it_keeps_its_slot_and_the_others_are_served",),
        ),
    ),
    "Processes": (
        Threat("Fork bombs by fork, vfork, clone, threads."),
        Threat("Exactly the limit of processes works, and one more fails inside."),
        Threat("Zombies by the thousand."),
        Threat("Signals to process 1, to everybody, to groups of others."),
        Threat("Tracing, reading and limiting init and others."),
        Threat("/proc shows the container's own processes alone."),
    ),
    "Files": (
        Threat("Writing to the image, by every trick of overlays and the page cache."),
        Threat("Limits of bytes, inodes and sizes of files; sparse files."),
        Threat("Depth and names: 10,000 directories, 255 bytes, escapes, what is not UTF-8."),
        Threat("Device nodes, setuid files, file capabilities."),
        Threat("Mounts, pivot_root, chroot, namespaces."),
        Threat("File handles, descriptors of others, /proc/1/root, /proc/self/exe."),
        Threat("What comes back: links, FIFOs, files that grow, races, a hundred thousand."),
        Threat("Masked paths replaced or uncovered."),
        Threat("Locks, leases, inotify and fanotify on what all share."),
        Threat("Kernel interfaces in /proc and /sys, cgroupfs, core_pattern; no core leaves."),
    ),
    "Kernel doors": (
        Threat("The network, and sockets of every family and protocol; sockets of the host."),
        Threat("Keyrings, BPF, perf, io_uring, kexec, modules, ports and other calls that no program needs."),
        Threat("User namespaces and what they open."),
        Threat("Calls of other ABIs: i386, x32, numbers that are none."),
        Threat("Filters of the program's own."),
        Threat("prctl: dumpability, PR_SET_MM, death signals, subreapers."),
        Threat("Capabilities and user ids; init's too.", ("container/test_walls::test_init_is_stripped_too",)),
        Threat("Typing into a terminal, taking it over, line disciplines."),
        Threat("Personality and address randomisation."),
        Threat("vDSO, rdtsc, cpuid.", untried="not contained: instructions and memory that need no call"),
    ),
    "Input and output": (
        Threat(
            "Floods, one byte a write, closed and replaced streams, input that nobody reads, games with pipes.",
            ("api/test_stream::test_slow_reader_slows_the_program",),
        ),
        Threat(
            "Escapes, NUL and invalid UTF-8 in output, names, arguments and environment.",
            ("cli/test_request::test_escapes_of_a_verdict_do_not_reach_the_terminal",),
        ),
        Threat("Imitating sandboxd's own messages on any descriptor."),
    ),
    "The service's own doors": (
        Threat("Requests that are huge, deep, duplicated, negative.", ("api/test_bad_input::test_bad_field_is_named",)),
        Threat(
            "Cancel, deadline, disconnect in each phase; slow readers; very many connections.",
            (
                "api/test_stream::test_losing_the_client_of_a_stream_kills",
                "api/test_server::test_deadline_caps_a_run",
                "api/test_server::test_hundred_connections",
            ),
        ),
        Threat(
            "Messages of the launcher's and of an init that has been taken over.",
            (
                "unit/test_container::test_what_is_out_of_turn_ends_the_container",
                "unit/test_wire::test_any_bytes_are_a_message_or_refused",
            ),
        ),
        Threat(
            "Guessing execution ids.",
            untried="there is one level of access ([security.md](security.md#not-contained-or-only-in-part)); ids are 128 random bits",
        ),
        Threat(
            "Secrets of the server's and of other submissions in a container's memory.",
            ("hostile/test_canary::test_no_secret_is_in_a_containers_memory",),
        ),
        Threat(
            "Archives that reach out of their root, are bombs, or have entries without end.",
            (
                "unit/test_images_oci_layers::test_no_archive_reaches_out_of_its_root",
                "unit/test_images_oci_layers::test_a_bomb_of_compressed_filling_ends_at_the_cap",
                "unit/test_images_oci_layers::test_ten_million_entries_end_early",
            ),
        ),
        Threat(
            "Policies and configuration: unknown keys, names that are paths, widening by a request.",
            ("unit/test_policy::test_a_name_is_no_path", "unit/test_config::test_unknown_key_is_named_with_its_file"),
        ),
    ),
    "Faults of ours": (
        Threat(
            "SIGKILL of server, launcher, init.",
            ("faults/test_kill::test_rounds_of_killing_the_server",),
        ),
        Threat(
            "No process, descriptor, group, memory to be had.",
            (
                "faults/test_exhaustion::test_no_process_to_be_had",
                "faults/test_exhaustion::test_no_descriptor_to_be_had",
            ),
        ),
        Threat(
            "Hosts whose cgroups lack something.",
            ("unit/test_preflight::test_without_it_there_is_no_server", "vm/test_cgroup2::test_others_in_the_group"),
        ),
        Threat(
            "Numbers of processes and groups that are used again.",
            ("faults/test_exhaustion::test_as_many_ranges_of_ids_as_slots_are_enough",),
        ),
        Threat("Clocks that jump.", ("faults/test_clock::test_a_jump_changes_no_time_and_no_verdict",)),
    ),
    "Python": (
        Threat("Forking from a process with threads.", ("container/test_walls::test_init_is_stripped_too",)),
        Threat("State of the interpreter after clone.", untried="init uses no randomness, hash or thread of Python's"),
        Threat("Exceptions in the child.", ("faults/test_kill::test_set_up_that_fails_names_its_step",)),
        Threat(
            "Descriptors that a clone inherits.", ("container/test_walls::test_program_inherits_three_descriptors",)
        ),
        Threat("ctypes: arguments, errno.", untried="declared once, in `sandboxd/linux/libc.py`"),
        Threat(
            "Finalisers and imports in the child.",
            untried="the collector is frozen and imports are shut off in the launcher",
        ),
        Threat("A path that is opened twice.", ("unit/test_files::test_what_leads_out_is_refused",)),
        Threat("Signals that a program inherits.", ("container/test_walls::test_signals_are_at_their_defaults",)),
        Threat(
            "Signalling a number that was not checked.",
            untried="processes are killed by pidfds, which are checked against their group after they were opened",
        ),
        Threat("Memory of the launcher.", ("benchmarks/test_leaks::test_ten_thousand_executions_leave_nothing",)),
    ),
}


def threats() -> Iterator[tuple[int, Threat]]:
    """Yield every threat with its number, which headers name."""
    return enumerate(itertools.chain.from_iterable(CLASSES.values()), 1)


def attacks_page(attacks: Mapping[str, Attack]) -> str:
    """Return docs/attacks.md."""
    numbers = {threat.text: number for number, threat in threats()}
    page = _HEAD
    for title, members in CLASSES.items():
        page += f"\n## {title}\n\n| | threat | tried by |\n| --- | --- | --- |\n"
        for threat in members:
            number = numbers[threat.text]
            programs = [name for name, attack in attacks.items() if number in attack.header.threats]
            tried = " ".join(f"`{name}`" for name in (*programs, *threat.tests))
            page += f"| {number} | {threat.text} | {'; '.join(filter(None, (tried, threat.untried)))} |\n"
    return page


def layers_table(attacks: Mapping[str, Attack]) -> str:
    """Return the table of what each layer catches, for docs/security.md."""
    table = "| layer | alone it holds against | and, with others, against |\n| --- | --- | --- |\n"
    for layer in Layer:
        caught = {name: attack.header.caught_by for name, attack in attacks.items() if layer in attack.header.caught_by}
        alone = " ".join(f"`{name}`" for name, layers in caught.items() if len(layers) == 1)
        shared = " ".join(f"`{name}`" for name, layers in caught.items() if len(layers) > 1)
        table += f"| {layer.value} | {alone} | {shared} |\n"
    return table


def rights_table(attacks: Mapping[str, Attack]) -> str:
    """Return the table of what a server does not hold against for want of rights, for docs/security.md."""
    table = "| the server has | it does not hold against |\n| --- | --- |\n"
    ranks = list(Rights)
    for rights in ranks[1:]:
        lost = [
            f"`{name}`"
            for name, attack in attacks.items()
            if ranks.index(attack.header.needs) == ranks.index(rights) - 1
        ]
        more = "all of these, and " if ranks.index(rights) > 1 else ""
        table += f"| {rights} | {more}{' '.join(lost)} |\n"
    return table


def security_page(page: str, attacks: Mapping[str, Attack]) -> str:
    """Return docs/security.md with the tables in their places."""
    for mark, table in ((_RIGHTS, rights_table(attacks)), (_LAYERS, layers_table(attacks))):
        head, _, rest = page.partition(mark)
        page = f"{head}{mark}{table}{_END}{rest.partition(_END)[2]}"
    return page


def main() -> None:
    """Write both pages."""
    attacks = load_suite(default_directory())
    (DOCS / "attacks.md").write_text(attacks_page(attacks))
    page = DOCS / "security.md"
    page.write_text(security_page(page.read_text(), attacks))


if __name__ == "__main__":
    main()
