exec("import sys; print(__name__, sys._getframe().f_code.co_filename)")
print(eval("__name__"), eval("[x for x in range(3)]"))
exec(compile("print(__file__)", "elsewhere.py", "exec"))
