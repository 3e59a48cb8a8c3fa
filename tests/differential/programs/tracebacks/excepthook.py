# outcome = "NONZERO_EXIT"
import sys
import traceback


def hook(kind, value, trace):
    print("hooked", kind, value, traceback.extract_tb(trace))


sys.excepthook = hook
1 / 0
