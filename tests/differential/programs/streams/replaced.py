import contextlib
import io
import sys

with contextlib.redirect_stdout(io.StringIO()) as text:
    print("kept")
sys.stdout = sys.stderr
print("to stderr", text.getvalue())
