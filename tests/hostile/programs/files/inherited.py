# attack = "looks for descriptors of the runtime's that it inherited, as CVE-2024-21626 did with runc"
# threats = [35, 52, 68]
# outcome = "OK"
# stdout = """
# /workspace
# """
import os

from attack import escaped

for fd in range(3, 4096):
    try:
        os.fstat(fd)
        escaped(f"descriptor {fd}: {os.readlink(f'/proc/self/fd/{fd}')}")
    except OSError:
        pass
print(os.getcwd())
for link in (0, 1, 2):
    if not os.readlink(f"/proc/self/fd/{link}").startswith("pipe:"):
        escaped(f"stream {link} is {os.readlink(f'/proc/self/fd/{link}')}")
