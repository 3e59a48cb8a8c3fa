# A module that the program writes before it imports it.
import importlib

open("late.py", "w").write("x = 1")
importlib.invalidate_caches()
import late

print(late.x)
