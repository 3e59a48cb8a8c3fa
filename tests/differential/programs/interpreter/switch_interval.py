import sys

print(sys.getswitchinterval(), sys.getdlopenflags(), sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
print(sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth(), sys.gettrace(), sys.getprofile())
print(sys.get_int_max_str_digits(), sys.getdefaultencoding(), sys.displayhook, sys.excepthook, sys.unraisablehook)
print(sys.breakpointhook, sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__)
