"""Talk with a Python interpreter in a container: a line goes in each time it waits for one.

python examples/stream_repl.py [ADDRESS]

ExecuteStream sends output as it comes, and waiting_for_stdin when the program blocks on an empty input.
"""

from __future__ import annotations

import queue
import sys
from typing import TextIO

from google.protobuf.duration_pb2 import Duration

from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"

REQUEST = pb.ExecuteRequest(
    command=pb.Command(argv=["python3", "-i", "-q", "-u"]),
    limits=pb.Limits(wall_time=Duration(seconds=600), memory_bytes=128 << 20),
)


def main() -> int:
    outgoing: queue.SimpleQueue[pb.ExecuteStreamRequest | None] = queue.SimpleQueue()
    outgoing.put(pb.ExecuteStreamRequest(request=REQUEST))
    verdict = pb.VERDICT_UNSPECIFIED
    with SandboxClient(ADDRESS) as client:
        for message in client.stream(iter(outgoing.get, None)):
            match message.WhichOneof("message"):
                case "stdout":
                    show(sys.stdout, message.stdout)
                case "stderr":
                    show(sys.stderr, message.stderr)  # where the interpreter writes its prompts
                case "waiting_for_stdin":
                    outgoing.put(next_input())
                case "response":
                    verdict = message.response.verdict
        outgoing.put(None)
    print(f"\n{pb.Verdict.Name(verdict)}")
    return 0


def next_input() -> pb.ExecuteStreamRequest:
    """Return our next line, or the end of the input."""
    line = sys.stdin.readline()
    if line:
        return pb.ExecuteStreamRequest(stdin=line.encode())
    return pb.ExecuteStreamRequest(end_of_stdin=pb.EndOfStdin())


def show(stream: TextIO, data: bytes) -> None:
    print(data.decode(errors="replace"), end="", file=stream, flush=True)


if __name__ == "__main__":
    sys.exit(main())
