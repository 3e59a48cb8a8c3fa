import subprocess

print(subprocess.run("echo $0 $HOME; exit 4", shell=True, capture_output=True))
