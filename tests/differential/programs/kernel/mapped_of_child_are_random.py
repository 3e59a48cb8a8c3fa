# What is exec'ed has a layout of its own.
import subprocess

maps = [subprocess.check_output(["grep", "stack", "/proc/self/maps"]) for _ in range(2)]
print(maps[0] != maps[1])
