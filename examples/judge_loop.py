"""Judge one submission: compile it once, run it against several tests, a few at a time.

python examples/judge_loop.py [ADDRESS]

A program that fails is an answer, with a verdict. An exception means that there is no answer: a full server is asked
again after the time that it names, anything else ends the loop.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"
IN_FLIGHT = 4

SUBMISSION = rb"""
#include <stdio.h>

int main(void) {
    long a, b;
    if (scanf("%ld %ld", &a, &b) != 2) return 1;
    while (a < 0) {}       /* negative numbers were forgotten */
    printf("%ld\n", a / b); /* and so was 0 */
}
"""
TESTS = [
    (b"84 2\n", b"42\n"),
    (b"7 2\n", b"3\n"),
    (b"7 2\n", b"3.5\n"),
    (b"-84 2\n", b"-42\n"),
    (b"1 0\n", b"error\n"),
    (b"", b""),
]
LIMITS = pb.Limits(
    cpu_time=Duration(seconds=1), wall_time=Duration(seconds=5), memory_bytes=32 << 20, output_bytes=64 << 10
)


def main() -> int:
    with SandboxClient(ADDRESS) as client:
        program = build(client)
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            answers = list(pool.map(lambda test: judge(client, program, *test), TESTS))
    for number, (word, usage) in enumerate(answers, 1):
        cpu_ms, memory_mib = usage.cpu_time.ToMilliseconds(), usage.memory_peak_bytes / 2**20
        print(f"test {number}: {word:<16} {cpu_ms:>5} ms {memory_mib:>5.1f} MiB")
    passed = sum(word == "ACCEPTED" for word, _ in answers)
    print(f"{passed} of {len(TESTS)} passed")
    return 0


def build(client: SandboxClient) -> pb.File:
    """Compile in a container of its own and bring the program back.

    As a command, because a source of a compiled language would be compiled again for every test.
    """
    response = execute(
        client,
        pb.ExecuteRequest(
            command=pb.Command(argv=["gcc", "-O2", "-o", "main", "main.c"]),
            files=[pb.File(path="main.c", content=SUBMISSION)],
            collect=["main"],
        ),
    )
    if response.verdict != pb.VERDICT_OK:
        sys.exit(f"it does not compile: {response.run.stderr.data.decode(errors='replace')}")
    return response.files[0]


def judge(client: SandboxClient, program: pb.File, stdin: bytes, expected: bytes) -> tuple[str, pb.Usage]:
    """Run the program on one test."""
    command = pb.Command(argv=["./main"])
    response = execute(client, pb.ExecuteRequest(command=command, files=[program], stdin=stdin, limits=LIMITS))
    if response.fault_domain == pb.FAULT_DOMAIN_PLATFORM:
        raise RuntimeError(response.run.detail)  # says nothing about the submission: judge it again later
    if response.verdict != pb.VERDICT_OK:
        return pb.Verdict.Name(response.verdict).removeprefix("VERDICT_"), response.run.usage
    return "ACCEPTED" if response.run.stdout.data == expected else "WRONG_ANSWER", response.run.usage


def execute(client: SandboxClient, request: pb.ExecuteRequest) -> pb.ExecuteResponse:
    """Execute, and come back when a full server says that it may have room."""
    while True:
        try:
            return client.execute(request, timeout=60)
        except grpc.RpcError as error:
            delay = retry_delay_s(error)
            if delay is None:
                raise
            time.sleep(delay)


def retry_delay_s(error: grpc.RpcError) -> float | None:
    """Return the time after which a full server wants to be asked again; None for every other error."""
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            return info.retry_delay.ToNanoseconds() / 1e9
    return None


if __name__ == "__main__":
    sys.exit(main())
