# fresh = true
import subprocess
import sys

print(subprocess.check_output([sys.executable, "-c", "import random; print(random.random())"]))
