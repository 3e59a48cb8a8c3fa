# outcome = "CPU_TIME_LIMIT"
# limits = { cpu_time = "0.4s" }
import subprocess

print(subprocess.run(["sh", "-c", "while :; do :; done"]))
