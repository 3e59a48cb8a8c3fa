import os
import sys

sys.stderr.write("some")
os.saved = sys.stderr
sys.stderr = None
