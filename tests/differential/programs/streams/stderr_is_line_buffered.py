import os
import sys

sys.stderr.write("part")
os.write(2, b"<between>")
sys.stderr.write(" line\n")
os.write(2, b"<after>\n")
