import subprocess

print("parent first", flush=True)
subprocess.run(["sh", "-c", "echo out; echo err >&2"])
