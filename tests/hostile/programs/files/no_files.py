# attack = "wants back what is no file: links to the host and to the reader's own secrets, a fifo, a socket"
# threats = [32, 36, 57]
# collect = ["d/**"]
# outcome = "OK"
# files = []
# stdout = ""
# [skipped]
# "d/absolute" = "not a regular file"
# "d/directory" = "not a regular file"
# "d/environ" = "not a regular file"
# "d/fifo" = "not a regular file"
# "d/init" = "not a regular file"
# "d/loop" = "not a regular file"
# "d/memory" = "not a regular file"
# "d/relative" = "not a regular file"
# "d/socket" = "not a regular file"
# "d/stream" = "not a regular file"
import os
import socket

from attack import bait

os.mkdir("d")
for name, target in (
    ("absolute", bait("FILE")),
    ("directory", "/"),
    ("environ", "/proc/self/environ"),
    ("init", "/proc/1/environ"),
    ("loop", "loop"),
    ("memory", "/proc/self/mem"),
    ("relative", "../" * 20 + "etc/passwd"),
    ("stream", "/proc/self/fd/0"),
):
    os.symlink(target, f"d/{name}")
os.mkfifo("d/fifo")
socket.socket(socket.AF_UNIX).bind("d/socket")
