import ctypes

api = ctypes.pythonapi
api.Py_IsInitialized.restype = ctypes.c_int
api.PyEval_GetFrame.restype = ctypes.py_object
api.Py_GetProgramFullPath.restype = ctypes.c_wchar_p
api.Py_GetPath.restype = ctypes.c_wchar_p
print(api.Py_IsInitialized(), api.PyEval_GetFrame().f_code.co_name, api.Py_GetProgramFullPath(), api.Py_GetPath())
