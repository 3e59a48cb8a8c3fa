"""Run one program on a server and print what came of it.

python examples/python_client.py [ADDRESS]
"""

from __future__ import annotations

import sys

from sandboxd.client import SandboxClient
from sandboxd.v1 import execution_service_pb2 as pb

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"

with SandboxClient(ADDRESS) as client:
    response = client.run("python", "print(6 * 7)", wall_time_s=5, memory_bytes=64 << 20)

print("verdict:", pb.Verdict.Name(response.verdict))
print("stdout: ", response.run.stdout.data.decode().rstrip())
print("memory: ", response.run.usage.memory_peak_bytes, "bytes at its highest")
