# Whoever takes the interpreter down is told no.
import sys


def refuse(event, args):
    if event.startswith("gc."):
        raise RuntimeError(event)


sys.addaudithook(refuse)
print("end")
