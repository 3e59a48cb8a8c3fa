import sys


class Broken:
    def __del__(self):
        raise ValueError("in del")


sys.unraisablehook = lambda args: print(args.exc_type, args.err_msg, args.object.__qualname__)
Broken()
