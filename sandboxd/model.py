"""What the whole house talks about: submissions, limits, usage, verdicts. Knows nothing of protobuf or syscalls.

Times are integers of nanoseconds, sizes integers of bytes; every name carries its unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

MOST_LAYERS = 8
"""Of an image: for each, a container that is made has a mount and a descriptor of its own."""
KIB = 1024
MIB = 1024 * KIB
SECOND_NS = 1_000_000_000


def shallow_dict(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that has slots. dataclasses.asdict() copies all that is below them, too, with 20 calls a field."""
    return {name: getattr(value, name) for name in value.__slots__}


class Verdict(Enum):
    """How a phase ended. ``service/verdict.py`` has the precedence."""

    OK = 1
    NONZERO_EXIT = 2
    SIGNALED = 3
    CPU_TIME_LIMIT = 4
    WALL_TIME_LIMIT = 5
    MEMORY_LIMIT = 6
    OUTPUT_LIMIT = 7
    DISK_LIMIT = 8
    PROCESS_LIMIT = 9
    SECURITY_VIOLATION = 10
    COMPILE_ERROR = 11
    CANCELLED = 12
    INTERNAL_ERROR = 13


class FaultDomain(Enum):
    """Who caused the outcome."""

    PROGRAM = 1
    LIMIT = 2
    CALLER = 3
    PLATFORM = 4


class Start(Enum):
    """What a program was started from."""

    COLD = 1
    POOLED = 2
    TEMPLATE = 3


class Phase(Enum):
    """Part of an execution with limits, output and a verdict of its own."""

    COMPILE = 1
    RUN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Hard limits of one phase, all of them set."""

    cpu_time_ns: int
    wall_time_ns: int
    memory_bytes: int
    cpu_shares: int
    """Weight on cgroup v1's scale, 2 to 262144."""
    cpus: float
    """CPU time per elapsed time, above 0; rounded up, the CPUs that the program sees."""
    processes: int
    """Processes and threads of the program at one time; init is not counted."""
    output_bytes: int
    """stdout and stderr together."""
    disk_bytes: int
    """All writable places together."""
    open_files: int
    file_size_bytes: int
    stack_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsRequest:
    """The limits that a request names; None is the policy's default."""

    cpu_time_ns: int | None = None
    wall_time_ns: int | None = None
    memory_bytes: int | None = None
    cpu_shares: int | None = None
    cpus: float | None = None
    processes: int | None = None
    output_bytes: int | None = None
    disk_bytes: int | None = None
    open_files: int | None = None
    file_size_bytes: int | None = None
    stack_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a phase used, whole process tree. None is a figure that this kernel does not give."""

    cpu_time_ns: int | None = None
    user_time_ns: int | None = None
    system_time_ns: int | None = None
    wall_time_ns: int | None = None
    memory_peak_bytes: int | None = None
    memory_anon_bytes: int | None = None
    memory_file_bytes: int | None = None
    memory_shmem_bytes: int | None = None
    memory_kernel_bytes: int | None = None
    processes_peak: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    minor_faults: int | None = None
    major_faults: int | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None
    throttled_time_ns: int | None = None
    oom_kills: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A regular file of a workspace. ``path`` is relative and has no ``..``; bytes that are not UTF-8 are surrogate-escaped."""

    path: str
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFile:
    """A path that matched ``collect`` and was not returned, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSize:
    """Size of a terminal in characters."""

    columns: int = 80
    rows: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Source code of a language. One file without a name is ``files`` of one file with path ''."""

    language: str
    files: tuple[File, ...]
    entrypoint: str = ""
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the image."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a client wants run. Syntax is checked (``api/validation.py``), names and bounds not yet (``service``)."""

    program: Source | Command
    request_id: str = ""
    image: str = ""
    policy: str = ""
    files: tuple[File, ...] = ()
    stdin: bytes = b""
    env: Mapping[str, str] = field(default_factory=dict)
    limits: LimitsRequest = LimitsRequest()
    compile_limits: LimitsRequest = LimitsRequest()
    collect: tuple[str, ...] = ()
    tty: bool = False
    window_size: WindowSize = WindowSize()
    report_refused_syscalls: bool = False
    warm: bool = True
    """Whether it may be started from what was ready before it was asked for."""
    commit_to: str = ""
    """Name of the image to make of what it leaves, if it ends with OK; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What a program is started by that a template can have loaded before: one command line, one environment."""

    hook: str
    """Name of the hook that holds the runtime up before it looks at the program."""
    place: str
    """Where in the image it looks for the hook."""
    preload: tuple[str, ...]
    """What it loads first."""
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    stack_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A standard stream: the bytes that were kept, in the blocks that they were kept in, and how many were written."""

    blocks: tuple[bytes | bytearray, ...] = ()
    total_bytes: int = 0

    @property
    def data(self) -> bytes:
        """All that was kept, copied."""
        return b"".join(self.blocks)

    @property
    def kept_bytes(self) -> int:
        """How much was kept."""
        return sum(map(len, self.blocks))

    @property
    def truncated(self) -> bool:
        """Whether more was written than kept."""
        return self.total_bytes > self.kept_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The limit that ended a phase; nanoseconds for times, bytes or a count for the others."""

    limit: str
    """Name of the proto's field, such as ``memory_bytes`` or ``cpu_time``."""
    allowed: int
    observed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedSyscall:
    """A call that the policy refused; ``answer`` is an errno's name or ``kill``."""

    name: str
    count: int
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseResult:
    """How one phase ended."""

    verdict: Verdict
    exit_code: int | None = None
    signal: int | None = None
    stdout: Output = Output()
    stderr: Output = Output()
    usage: Usage = Usage()
    cause: Cause | None = None
    detail: str = ""
    blocked_syscall: str = ""
    refused_syscalls: tuple[RefusedSyscall, ...] = ()
    start: Start | None = None
    """None where no container was had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """How long the parts of an execution took."""

    queued_ns: int = 0
    created_ns: int = 0
    ran_ns: int = 0
    collected_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What came of the wish to have an image of what a program left."""

    image_digest: str = ""
    """Empty where there is none."""
    error: str = ""
    """Why there is none."""
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionResult:
    """The answer to a submission."""

    execution_id: str
    request_id: str
    image_digest: str
    policy_digest: str
    fault_domain: FaultDomain
    compile: PhaseResult | None
    run: PhaseResult | None
    files: tuple[File, ...] = ()
    skipped_files: tuple[SkippedFile, ...] = ()
    timings: Timings = Timings()
    committed: Committed | None = None

    @property
    def decisive(self) -> PhaseResult:
        """The phase that decided: run where there was one, else compile."""
        result = self.run or self.compile
        assert result is not None, "an execution has at least one phase"
        return result

    @property
    def verdict(self) -> Verdict:
        """The verdict of the phase that decided."""
        return self.decisive.verdict

    @property
    def file_bytes(self) -> int:
        """How much its files have."""
        return sum(len(file.content) for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSummary:
    """One line of ListExecutions."""

    execution_id: str
    request_id: str
    image: str
    language: str
    policy: str
    created_unix_ns: int
    age_ns: int
    phase: Phase | None
    cpu_time_ns: int | None
    memory_bytes: int | None
    tty: bool
    accepts_stdin: bool
    program: str
    verdict: Verdict | None
    """How it ended; None while it has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageInfo:
    """A language of an image, as clients see it."""

    name: str
    aliases: tuple[str, ...]
    source: str
    extensions: tuple[str, ...]
    compile: tuple[str, ...]
    """Empty for a language that is not compiled."""
    run: tuple[str, ...]
    template: bool
    version: str = ""
    """What its program says of itself; empty where nobody asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStep:
    """One step of how an image was made elsewhere, by its own account."""

    created: str
    created_by: str
    comment: str
    empty_layer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOrigin:
    """Where an image came from that was not built here."""

    reference: str
    manifest_digest: str
    platform: str
    author: str
    labels: Mapping[str, str]
    history: tuple[ImageStep, ...]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitInfo:
    """How a layer of an image came to be: of what a container's workspace had."""

    execution_id: str
    image: str
    """What the container's image was called."""
    image_digest: str
    policy: str
    created_unix_ns: int
    message: str
    author: str
    left_out: Mapping[str, int]


class ChangeKind(Enum):
    """What was done to a path of a workspace."""

    ADDED = 1
    CHANGED = 2
    DELETED = 3


class FileType(Enum):
    """What a path is."""

    OTHER = 0
    REGULAR = 1
    DIRECTORY = 2
    SYMLINK = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between a workspace and its image's."""

    kind: ChangeKind
    path: str
    """Relative to the workspace; bytes that are not UTF-8 are replaced."""
    type: FileType
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """An image, as clients see it."""

    name: str
    digest: str
    size_bytes: int
    created_unix_ns: int
    languages: tuple[LanguageInfo, ...]
    env: Mapping[str, str]
    is_default: bool
    packages: tuple[str, ...] = ()
    origin: ImageOrigin | None = None
    commits: tuple[CommitInfo, ...] = ()
    """Of its layers, the lowest first."""


# What an execution tells those who watch it.


@dataclass(frozen=True, slots=True)
class Started:
    """The program of a phase was released."""

    execution_id: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """Bytes of a standard stream, 1 for stdout and 2 for stderr."""

    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class WaitingForStdin:
    """The program blocks reading an empty standard input."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer; nothing follows."""

    result: ExecutionResult


Event = Started | OutputChunk | WaitingForStdin | Ended
