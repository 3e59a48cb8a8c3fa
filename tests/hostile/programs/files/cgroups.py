# attack = "looks for its control group, to lift its limits or name a release agent"
# threats = [39]
# outcome = "OK"
# stdout = """
# /sys/fs/cgroup/release_agent: ENOENT
# /sys/fs/cgroup/cgroup.procs: ENOENT
# /sys/fs/cgroup/memory/memory.limit_in_bytes: ENOENT
# /sys/fs/cgroup/memory.max: ENOENT
# /sys/kernel/uevent_helper: ENOENT
# /sys/kernel/security: ENOENT
# /sys/kernel/debug: ENOENT
# /sys/kernel/tracing: ENOENT
# {'/'}
# """
import os

from attack import attempt, escaped

for path in (
    "/sys/fs/cgroup/release_agent",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/memory.max",
    "/sys/kernel/uevent_helper",
    "/sys/kernel/security",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
):
    attempt(path, os.open, path, os.O_RDWR)
with open("/proc/self/mountinfo") as file:
    for line in file:
        kind = line.split(" - ")[1].split()[0]
        if kind in ("cgroup", "cgroup2", "sysfs", "securityfs", "debugfs", "tracefs", "binfmt_misc"):
            escaped(f"a mount of {kind}")
with open("/proc/self/cgroup") as file:
    print({line.rstrip("\n").split(":", 2)[2] for line in file})
