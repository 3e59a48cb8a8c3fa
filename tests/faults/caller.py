"""A client of its own process, which can be killed: ADDRESS METHOD, and the request on standard input."""

from __future__ import annotations

import sys
import threading

from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb


def main() -> None:
    address, method = sys.argv[1:]
    request = pb.ExecuteRequest.FromString(sys.stdin.buffer.read())
    with SandboxClient(address) as client:
        if method == "Execute":
            client.execute(request)
            return

        def messages():
            yield pb.ExecuteStreamRequest(request=request)
            threading.Event().wait()  # its input stays open

        for _ in client.stream(messages()):
            pass


if __name__ == "__main__":
    main()
