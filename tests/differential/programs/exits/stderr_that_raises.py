# outcome = "NONZERO_EXIT"
# As of stdout; the program's own status is lost.
import sys


class Broken:
    def write(self, text):
        sys.__stderr__.write(text)

    def flush(self):
        raise OSError("not today")


sys.stderr = Broken()
print("hello")
sys.exit(3)
