import subprocess
import sys

result = subprocess.run(
    [sys.executable, "-c", "import sys; print(sys.stdin.read().upper()); sys.exit(3)"],
    input="text",
    capture_output=True,
    text=True,
)
print(result)
