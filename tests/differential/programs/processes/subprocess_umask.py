import subprocess

print(
    subprocess.check_output("umask; ulimit -a", shell=True).decode(),
    subprocess.check_output("umask", shell=True, umask=0o77),
)
