import os
import sys

sys.stdout = os.fdopen(1, "w", closefd=False)
os.saved = sys.__stdout__
sys.__stdout__.write("first\n")
print("second")
