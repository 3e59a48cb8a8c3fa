import sys

sys.stdout.write("without an end")
sys.stderr.write("also without")
