# attack = "watches files that all containers share, to hear of another's work"
# threats = [38]
# beside = "files/use_image"
# needs = "root"
# outcome = "OK"
# stdout = ""
import os
import select

from attack import checked, escaped, libc

IN_ALL = 0xFFF
PATHS = b"/", b"/usr/bin/true", b"/etc/passwd", b"/dev/null", b"/dev", b"/proc/version", b"/proc/uptime", b"/tmp"
watcher = checked(libc.inotify_init())
for path in PATHS:
    checked(libc.inotify_add_watch(watcher, path, IN_ALL))
if select.select([watcher], [], [], 0.3)[0]:
    escaped(f"heard {os.read(watcher, 4096)!r}")
