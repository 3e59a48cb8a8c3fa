import subprocess

process = subprocess.Popen(["sleep", "60"])
process.terminate()
print(process.wait(), process)
try:
    subprocess.run(["sleep", "60"], timeout=0.05)
except subprocess.TimeoutExpired as error:
    print(error.cmd)
