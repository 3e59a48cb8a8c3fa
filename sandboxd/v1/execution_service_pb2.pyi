import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_OK: _ClassVar[Verdict]
    VERDICT_NONZERO_EXIT: _ClassVar[Verdict]
    VERDICT_SIGNALED: _ClassVar[Verdict]
    VERDICT_CPU_TIME_LIMIT: _ClassVar[Verdict]
    VERDICT_WALL_TIME_LIMIT: _ClassVar[Verdict]
    VERDICT_MEMORY_LIMIT: _ClassVar[Verdict]
    VERDICT_OUTPUT_LIMIT: _ClassVar[Verdict]
    VERDICT_DISK_LIMIT: _ClassVar[Verdict]
    VERDICT_PROCESS_LIMIT: _ClassVar[Verdict]
    VERDICT_SECURITY_VIOLATION: _ClassVar[Verdict]
    VERDICT_COMPILE_ERROR: _ClassVar[Verdict]
    VERDICT_CANCELLED: _ClassVar[Verdict]
    VERDICT_INTERNAL_ERROR: _ClassVar[Verdict]

class Start(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    START_UNSPECIFIED: _ClassVar[Start]
    START_COLD: _ClassVar[Start]
    START_POOLED: _ClassVar[Start]
    START_TEMPLATE: _ClassVar[Start]

class FaultDomain(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAULT_DOMAIN_UNSPECIFIED: _ClassVar[FaultDomain]
    FAULT_DOMAIN_PROGRAM: _ClassVar[FaultDomain]
    FAULT_DOMAIN_LIMIT: _ClassVar[FaultDomain]
    FAULT_DOMAIN_CALLER: _ClassVar[FaultDomain]
    FAULT_DOMAIN_PLATFORM: _ClassVar[FaultDomain]

class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PHASE_UNSPECIFIED: _ClassVar[Phase]
    PHASE_COMPILE: _ClassVar[Phase]
    PHASE_RUN: _ClassVar[Phase]
VERDICT_UNSPECIFIED: Verdict
VERDICT_OK: Verdict
VERDICT_NONZERO_EXIT: Verdict
VERDICT_SIGNALED: Verdict
VERDICT_CPU_TIME_LIMIT: Verdict
VERDICT_WALL_TIME_LIMIT: Verdict
VERDICT_MEMORY_LIMIT: Verdict
VERDICT_OUTPUT_LIMIT: Verdict
VERDICT_DISK_LIMIT: Verdict
VERDICT_PROCESS_LIMIT: Verdict
VERDICT_SECURITY_VIOLATION: Verdict
VERDICT_COMPILE_ERROR: Verdict
VERDICT_CANCELLED: Verdict
VERDICT_INTERNAL_ERROR: Verdict
START_UNSPECIFIED: Start
START_COLD: Start
START_POOLED: Start
START_TEMPLATE: Start
FAULT_DOMAIN_UNSPECIFIED: FaultDomain
FAULT_DOMAIN_PROGRAM: FaultDomain
FAULT_DOMAIN_LIMIT: FaultDomain
FAULT_DOMAIN_CALLER: FaultDomain
FAULT_DOMAIN_PLATFORM: FaultDomain
PHASE_UNSPECIFIED: Phase
PHASE_COMPILE: Phase
PHASE_RUN: Phase

class File(_message.Message):
    __slots__ = ("path", "content", "mode")
    PATH_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    path: str
    content: bytes
    mode: int
    def __init__(self, path: _Optional[str] = ..., content: _Optional[bytes] = ..., mode: _Optional[int] = ...) -> None: ...

class Source(_message.Message):
    __slots__ = ("language", "code", "files", "entrypoint", "args")
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    ENTRYPOINT_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    language: str
    code: bytes
    files: _containers.RepeatedCompositeFieldContainer[File]
    entrypoint: str
    args: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, language: _Optional[str] = ..., code: _Optional[bytes] = ..., files: _Optional[_Iterable[_Union[File, _Mapping]]] = ..., entrypoint: _Optional[str] = ..., args: _Optional[_Iterable[str]] = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ("argv",)
    ARGV_FIELD_NUMBER: _ClassVar[int]
    argv: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, argv: _Optional[_Iterable[str]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("cpu_time", "wall_time", "memory_bytes", "cpu_shares", "cpus", "processes", "output_bytes", "disk_bytes", "open_files", "file_size_bytes", "stack_bytes")
    CPU_TIME_FIELD_NUMBER: _ClassVar[int]
    WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    CPU_SHARES_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    DISK_BYTES_FIELD_NUMBER: _ClassVar[int]
    OPEN_FILES_FIELD_NUMBER: _ClassVar[int]
    FILE_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    STACK_BYTES_FIELD_NUMBER: _ClassVar[int]
    cpu_time: _duration_pb2.Duration
    wall_time: _duration_pb2.Duration
    memory_bytes: int
    cpu_shares: int
    cpus: float
    processes: int
    output_bytes: int
    disk_bytes: int
    open_files: int
    file_size_bytes: int
    stack_bytes: int
    def __init__(self, cpu_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., wall_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., memory_bytes: _Optional[int] = ..., cpu_shares: _Optional[int] = ..., cpus: _Optional[float] = ..., processes: _Optional[int] = ..., output_bytes: _Optional[int] = ..., disk_bytes: _Optional[int] = ..., open_files: _Optional[int] = ..., file_size_bytes: _Optional[int] = ..., stack_bytes: _Optional[int] = ...) -> None: ...

class ExecuteRequest(_message.Message):
    __slots__ = ("request_id", "image", "source", "command", "files", "stdin", "env", "limits", "compile_limits", "policy", "collect", "tty", "window_size", "report_refused_syscalls", "warm", "commit_to")
    class EnvEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    STDIN_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    COMPILE_LIMITS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    COLLECT_FIELD_NUMBER: _ClassVar[int]
    TTY_FIELD_NUMBER: _ClassVar[int]
    WINDOW_SIZE_FIELD_NUMBER: _ClassVar[int]
    REPORT_REFUSED_SYSCALLS_FIELD_NUMBER: _ClassVar[int]
    WARM_FIELD_NUMBER: _ClassVar[int]
    COMMIT_TO_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    image: str
    source: Source
    command: Command
    files: _containers.RepeatedCompositeFieldContainer[File]
    stdin: bytes
    env: _containers.ScalarMap[str, str]
    limits: Limits
    compile_limits: Limits
    policy: str
    collect: _containers.RepeatedScalarFieldContainer[str]
    tty: bool
    window_size: WindowSize
    report_refused_syscalls: bool
    warm: bool
    commit_to: str
    def __init__(self, request_id: _Optional[str] = ..., image: _Optional[str] = ..., source: _Optional[_Union[Source, _Mapping]] = ..., command: _Optional[_Union[Command, _Mapping]] = ..., files: _Optional[_Iterable[_Union[File, _Mapping]]] = ..., stdin: _Optional[bytes] = ..., env: _Optional[_Mapping[str, str]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., compile_limits: _Optional[_Union[Limits, _Mapping]] = ..., policy: _Optional[str] = ..., collect: _Optional[_Iterable[str]] = ..., tty: bool = ..., window_size: _Optional[_Union[WindowSize, _Mapping]] = ..., report_refused_syscalls: bool = ..., warm: bool = ..., commit_to: _Optional[str] = ...) -> None: ...

class WindowSize(_message.Message):
    __slots__ = ("columns", "rows")
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    columns: int
    rows: int
    def __init__(self, columns: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("data", "truncated", "total_bytes")
    DATA_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    truncated: bool
    total_bytes: int
    def __init__(self, data: _Optional[bytes] = ..., truncated: bool = ..., total_bytes: _Optional[int] = ...) -> None: ...

class Cause(_message.Message):
    __slots__ = ("limit", "allowed", "observed")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    limit: str
    allowed: int
    observed: int
    def __init__(self, limit: _Optional[str] = ..., allowed: _Optional[int] = ..., observed: _Optional[int] = ...) -> None: ...

class RefusedSyscall(_message.Message):
    __slots__ = ("name", "count", "answer")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    name: str
    count: int
    answer: str
    def __init__(self, name: _Optional[str] = ..., count: _Optional[int] = ..., answer: _Optional[str] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("cpu_time", "user_time", "system_time", "wall_time", "memory_peak_bytes", "memory_anon_bytes", "memory_file_bytes", "memory_shmem_bytes", "memory_kernel_bytes", "processes_peak", "read_bytes", "written_bytes", "minor_faults", "major_faults", "voluntary_switches", "involuntary_switches", "throttled_time", "oom_kills")
    CPU_TIME_FIELD_NUMBER: _ClassVar[int]
    USER_TIME_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_TIME_FIELD_NUMBER: _ClassVar[int]
    WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    MEMORY_PEAK_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_ANON_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FILE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_SHMEM_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_KERNEL_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_PEAK_FIELD_NUMBER: _ClassVar[int]
    READ_BYTES_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_BYTES_FIELD_NUMBER: _ClassVar[int]
    MINOR_FAULTS_FIELD_NUMBER: _ClassVar[int]
    MAJOR_FAULTS_FIELD_NUMBER: _ClassVar[int]
    VOLUNTARY_SWITCHES_FIELD_NUMBER: _ClassVar[int]
    INVOLUNTARY_SWITCHES_FIELD_NUMBER: _ClassVar[int]
    THROTTLED_TIME_FIELD_NUMBER: _ClassVar[int]
    OOM_KILLS_FIELD_NUMBER: _ClassVar[int]
    cpu_time: _duration_pb2.Duration
    user_time: _duration_pb2.Duration
    system_time: _duration_pb2.Duration
    wall_time: _duration_pb2.Duration
    memory_peak_bytes: int
    memory_anon_bytes: int
    memory_file_bytes: int
    memory_shmem_bytes: int
    memory_kernel_bytes: int
    processes_peak: int
    read_bytes: int
    written_bytes: int
    minor_faults: int
    major_faults: int
    voluntary_switches: int
    involuntary_switches: int
    throttled_time: _duration_pb2.Duration
    oom_kills: int
    def __init__(self, cpu_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., user_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., system_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., wall_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., memory_peak_bytes: _Optional[int] = ..., memory_anon_bytes: _Optional[int] = ..., memory_file_bytes: _Optional[int] = ..., memory_shmem_bytes: _Optional[int] = ..., memory_kernel_bytes: _Optional[int] = ..., processes_peak: _Optional[int] = ..., read_bytes: _Optional[int] = ..., written_bytes: _Optional[int] = ..., minor_faults: _Optional[int] = ..., major_faults: _Optional[int] = ..., voluntary_switches: _Optional[int] = ..., involuntary_switches: _Optional[int] = ..., throttled_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., oom_kills: _Optional[int] = ...) -> None: ...

class PhaseResult(_message.Message):
    __slots__ = ("verdict", "exit_code", "signal", "stdout", "stderr", "usage", "cause", "detail", "blocked_syscall", "refused_syscalls", "start")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    STDERR_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_SYSCALL_FIELD_NUMBER: _ClassVar[int]
    REFUSED_SYSCALLS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    verdict: Verdict
    exit_code: int
    signal: int
    stdout: Output
    stderr: Output
    usage: Usage
    cause: Cause
    detail: str
    blocked_syscall: str
    refused_syscalls: _containers.RepeatedCompositeFieldContainer[RefusedSyscall]
    start: Start
    def __init__(self, verdict: _Optional[_Union[Verdict, str]] = ..., exit_code: _Optional[int] = ..., signal: _Optional[int] = ..., stdout: _Optional[_Union[Output, _Mapping]] = ..., stderr: _Optional[_Union[Output, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ..., detail: _Optional[str] = ..., blocked_syscall: _Optional[str] = ..., refused_syscalls: _Optional[_Iterable[_Union[RefusedSyscall, _Mapping]]] = ..., start: _Optional[_Union[Start, str]] = ...) -> None: ...

class Timings(_message.Message):
    __slots__ = ("queued", "created", "ran", "collected")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    RAN_FIELD_NUMBER: _ClassVar[int]
    COLLECTED_FIELD_NUMBER: _ClassVar[int]
    queued: _duration_pb2.Duration
    created: _duration_pb2.Duration
    ran: _duration_pb2.Duration
    collected: _duration_pb2.Duration
    def __init__(self, queued: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., created: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ran: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., collected: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExecuteResponse(_message.Message):
    __slots__ = ("execution_id", "request_id", "image_digest", "policy_digest", "verdict", "fault_domain", "compile", "run", "files", "skipped_files", "timings", "committed")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    POLICY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    FAULT_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    COMPILE_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FILES_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    request_id: str
    image_digest: str
    policy_digest: str
    verdict: Verdict
    fault_domain: FaultDomain
    compile: PhaseResult
    run: PhaseResult
    files: _containers.RepeatedCompositeFieldContainer[File]
    skipped_files: _containers.RepeatedCompositeFieldContainer[SkippedFile]
    timings: Timings
    committed: Committed
    def __init__(self, execution_id: _Optional[str] = ..., request_id: _Optional[str] = ..., image_digest: _Optional[str] = ..., policy_digest: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., fault_domain: _Optional[_Union[FaultDomain, str]] = ..., compile: _Optional[_Union[PhaseResult, _Mapping]] = ..., run: _Optional[_Union[PhaseResult, _Mapping]] = ..., files: _Optional[_Iterable[_Union[File, _Mapping]]] = ..., skipped_files: _Optional[_Iterable[_Union[SkippedFile, _Mapping]]] = ..., timings: _Optional[_Union[Timings, _Mapping]] = ..., committed: _Optional[_Union[Committed, _Mapping]] = ...) -> None: ...

class Committed(_message.Message):
    __slots__ = ("image_digest", "error", "left_out")
    class LeftOutEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    IMAGE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    image_digest: str
    error: str
    left_out: _containers.ScalarMap[str, int]
    def __init__(self, image_digest: _Optional[str] = ..., error: _Optional[str] = ..., left_out: _Optional[_Mapping[str, int]] = ...) -> None: ...

class SkippedFile(_message.Message):
    __slots__ = ("path", "reason")
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    path: str
    reason: str
    def __init__(self, path: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ExecuteStreamRequest(_message.Message):
    __slots__ = ("request", "stdin", "end_of_stdin", "signal", "window_size")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    STDIN_FIELD_NUMBER: _ClassVar[int]
    END_OF_STDIN_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    WINDOW_SIZE_FIELD_NUMBER: _ClassVar[int]
    request: ExecuteRequest
    stdin: bytes
    end_of_stdin: EndOfStdin
    signal: int
    window_size: WindowSize
    def __init__(self, request: _Optional[_Union[ExecuteRequest, _Mapping]] = ..., stdin: _Optional[bytes] = ..., end_of_stdin: _Optional[_Union[EndOfStdin, _Mapping]] = ..., signal: _Optional[int] = ..., window_size: _Optional[_Union[WindowSize, _Mapping]] = ...) -> None: ...

class EndOfStdin(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ExecuteStreamResponse(_message.Message):
    __slots__ = ("started", "stdout", "stderr", "waiting_for_stdin", "response")
    STARTED_FIELD_NUMBER: _ClassVar[int]
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    STDERR_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_STDIN_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    started: Started
    stdout: bytes
    stderr: bytes
    waiting_for_stdin: WaitingForStdin
    response: ExecuteResponse
    def __init__(self, started: _Optional[_Union[Started, _Mapping]] = ..., stdout: _Optional[bytes] = ..., stderr: _Optional[bytes] = ..., waiting_for_stdin: _Optional[_Union[WaitingForStdin, _Mapping]] = ..., response: _Optional[_Union[ExecuteResponse, _Mapping]] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ("execution_id", "phase")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    phase: Phase
    def __init__(self, execution_id: _Optional[str] = ..., phase: _Optional[_Union[Phase, str]] = ...) -> None: ...

class WaitingForStdin(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListExecutionsRequest(_message.Message):
    __slots__ = ("include_ended",)
    INCLUDE_ENDED_FIELD_NUMBER: _ClassVar[int]
    include_ended: bool
    def __init__(self, include_ended: bool = ...) -> None: ...

class ListExecutionsResponse(_message.Message):
    __slots__ = ("executions",)
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    executions: _containers.RepeatedCompositeFieldContainer[Execution]
    def __init__(self, executions: _Optional[_Iterable[_Union[Execution, _Mapping]]] = ...) -> None: ...

class Execution(_message.Message):
    __slots__ = ("execution_id", "request_id", "image", "language", "policy", "create_time", "age", "phase", "cpu_time", "memory_bytes", "tty", "accepts_stdin", "program", "verdict")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    CPU_TIME_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    TTY_FIELD_NUMBER: _ClassVar[int]
    ACCEPTS_STDIN_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    request_id: str
    image: str
    language: str
    policy: str
    create_time: _timestamp_pb2.Timestamp
    age: _duration_pb2.Duration
    phase: Phase
    cpu_time: _duration_pb2.Duration
    memory_bytes: int
    tty: bool
    accepts_stdin: bool
    program: str
    verdict: Verdict
    def __init__(self, execution_id: _Optional[str] = ..., request_id: _Optional[str] = ..., image: _Optional[str] = ..., language: _Optional[str] = ..., policy: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., phase: _Optional[_Union[Phase, str]] = ..., cpu_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., memory_bytes: _Optional[int] = ..., tty: bool = ..., accepts_stdin: bool = ..., program: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ...) -> None: ...

class CancelExecutionRequest(_message.Message):
    __slots__ = ("execution_id", "grace_period")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    GRACE_PERIOD_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    grace_period: _duration_pb2.Duration
    def __init__(self, execution_id: _Optional[str] = ..., grace_period: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CancelExecutionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StreamLogsRequest(_message.Message):
    __slots__ = ("execution_id", "follow")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    follow: bool
    def __init__(self, execution_id: _Optional[str] = ..., follow: bool = ...) -> None: ...

class StreamLogsResponse(_message.Message):
    __slots__ = ("stdout", "stderr", "response")
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    STDERR_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    stdout: bytes
    stderr: bytes
    response: ExecuteResponse
    def __init__(self, stdout: _Optional[bytes] = ..., stderr: _Optional[bytes] = ..., response: _Optional[_Union[ExecuteResponse, _Mapping]] = ...) -> None: ...

class AttachExecutionRequest(_message.Message):
    __slots__ = ("execution_id", "stdin", "end_of_stdin", "signal", "window_size")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    STDIN_FIELD_NUMBER: _ClassVar[int]
    END_OF_STDIN_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    WINDOW_SIZE_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    stdin: bytes
    end_of_stdin: EndOfStdin
    signal: int
    window_size: WindowSize
    def __init__(self, execution_id: _Optional[str] = ..., stdin: _Optional[bytes] = ..., end_of_stdin: _Optional[_Union[EndOfStdin, _Mapping]] = ..., signal: _Optional[int] = ..., window_size: _Optional[_Union[WindowSize, _Mapping]] = ...) -> None: ...

class AttachExecutionResponse(_message.Message):
    __slots__ = ("stdout", "stderr", "response")
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    STDERR_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    stdout: bytes
    stderr: bytes
    response: ExecuteResponse
    def __init__(self, stdout: _Optional[bytes] = ..., stderr: _Optional[bytes] = ..., response: _Optional[_Union[ExecuteResponse, _Mapping]] = ...) -> None: ...
