import sys
import sysconfig

print(__debug__, hasattr(sys, "gettotalrefcount"), sysconfig.get_config_var("Py_DEBUG"), sys.abiflags)
