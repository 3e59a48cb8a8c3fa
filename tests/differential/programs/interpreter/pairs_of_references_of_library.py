# Such as the interpreter makes when it clears modules.
import os
import sys
import weakref

os.path.pairs = [(name, weakref.ref(module)) for name, module in sys.modules.items()]
os.path.few = [("sys", weakref.ref(sys))]
os.path.none = []


class Loud:
    def __del__(self, write=os.write, few=os.path.few):
        write(1, f"deleted {few[0][1]() is None}\n".encode())


loud = Loud()
print("end", len(os.path.few), len(os.path.pairs) > 20)
