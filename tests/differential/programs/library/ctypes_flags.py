import ctypes

for name in (
    "Py_NoSiteFlag",
    "Py_InteractiveFlag",
    "Py_InspectFlag",
    "Py_DontWriteBytecodeFlag",
    "Py_UnbufferedStdioFlag",
    "Py_IgnoreEnvironmentFlag",
    "Py_HashRandomizationFlag",
    "Py_UTF8Mode",
):
    print(name, ctypes.c_int.in_dll(ctypes.pythonapi, name).value)
