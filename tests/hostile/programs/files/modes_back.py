# attack = "wants files back that nobody may read, from a workspace that nobody may enter"
# threats = [36]
# collect = ["d/*"]
# outcome = "OK"
# files = ["d/closed", "d/setuid"]
# skipped = {}
# stdout = """
# remove the workspace: EACCES
# replace the workspace: EACCES
# """
import os

from attack import attempt

os.mkdir("d")
for name, mode in (("closed", 0), ("setuid", 0o7777)):
    with open(f"d/{name}", "w") as file:
        os.fchmod(file.fileno(), mode)
os.chmod("d", 0)
attempt("remove the workspace", os.rmdir, "/workspace")
attempt("replace the workspace", os.rename, "/workspace", "/moved")
os.chmod("/workspace", 0)
