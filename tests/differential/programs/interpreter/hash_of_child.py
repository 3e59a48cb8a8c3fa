# A child that is started has a seed of its own, as children of a cold program have.
import subprocess
import sys

command = [sys.executable, "-c", "print(hash('a'))"]
print(subprocess.check_output(command) != subprocess.check_output(command))
