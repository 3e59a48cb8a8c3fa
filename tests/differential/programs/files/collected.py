# collect = ["*.txt", "deep/**"]
import os

os.makedirs("deep/er")
open("one.txt", "w").write("1")
open("deep/er/two", "wb").write(bytes(range(256)))
open("ignored", "w").write("x")
os.chmod("one.txt", 0o755)
os.symlink("one.txt", "link.txt")
