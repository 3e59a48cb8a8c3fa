import subprocess
import sys

if len(sys.argv) > 1:
    print("child", sys.argv, __name__)
else:
    print(subprocess.run([sys.executable, __file__, "child"], capture_output=True))
