# attack = "Judge0, CVE-2024-29021: connects to the service's own database and interfaces"
# threats = [40]
# outcome = "OK"
# stdout = "nobody answers\n"
# caught_by = ["network namespace"]
import errno
import socket

from attack import bait, escaped

PORTS = [int(bait("TCP")), 5432, 6379, 50051, 9464, 80]
ADDRESSES = ["127.0.0.1", "169.254.169.254", "192.0.2.1"]
for address in ADDRESSES:
    for port in PORTS:
        with socket.socket() as stream:
            stream.settimeout(0.3)
            try:
                stream.connect((address, port))
            except OSError as error:
                if error.errno != errno.ENETUNREACH:
                    escaped(f"{address}:{port} answers: {error}")
            else:
                escaped(f"connected to {address}:{port}")
print("nobody answers")
