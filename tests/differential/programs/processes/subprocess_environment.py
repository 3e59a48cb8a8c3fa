import os
import subprocess

print(subprocess.check_output(["env"]).decode())
print(subprocess.check_output(["env"], env={"ONLY": "this"}))
os.environ["MORE"] = "1"
print(b"MORE=1" in subprocess.check_output(["env"]).split())
