import os
import subprocess

print(
    subprocess.check_output(["pwd"], preexec_fn=lambda: os.chdir("/tmp")), subprocess.check_output(["pwd"], cwd="/usr")
)
