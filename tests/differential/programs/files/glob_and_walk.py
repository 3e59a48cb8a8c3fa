# files = { "a/b/c.txt" = "", "a/d.py" = "", "e" = "" }
import glob
import os

print(sorted(glob.glob("**", recursive=True)), sorted((root, sorted(names)) for root, _, names in os.walk(".")))
