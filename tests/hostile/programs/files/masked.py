# attack = "reads what tells about the kernel and everybody's work, and takes away what hides it"
# threats = [37, 39]
# outcome = "OK"
# stdout = ""
import os

from attack import escaped

NAMES = """acpi asound cmdline diskstats interrupts kallsyms kcore key-users keys kmsg kpagecgroup kpagecount kpageflags
latency_stats locks pressure sched_debug schedstat scsi slabinfo softirqs timer_list timer_stats vmallocinfo""".split()
WAYS = "/proc", "/proc/self/root/proc", "/proc/thread-self/../../../proc", "/proc/self/cwd/../proc"


def read(path):
    if os.path.isdir(path):
        return os.listdir(path)
    with open(path, "rb") as file:
        return file.read(100)


for name in NAMES:
    for call in (os.unlink, os.rmdir, lambda path: os.rename(path, "/tmp/moved")):
        try:
            call(f"/proc/{name}")
            escaped(f"took away /proc/{name}")
        except OSError:
            pass
    for way in WAYS:
        try:
            if found := read(f"{way}/{name}"):
                escaped(f"{way}/{name}: {found[:20]}")
        except OSError:
            pass
