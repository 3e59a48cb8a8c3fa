import subprocess

print(subprocess.check_output(["grep", "^Sig[BIC]", "/proc/self/status"]).decode())
print(subprocess.check_output(["grep", "^Sig[BIC]", "/proc/self/status"], restore_signals=False).decode())
