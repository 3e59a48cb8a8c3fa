# env = { PYTHONHASHSEED = "7" }
import sys

print(hash("a"), list({"one", "two", "three"}), sys.flags.hash_randomization)
