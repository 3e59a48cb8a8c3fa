import __main__

print(__name__, __file__, __spec__, __doc__, __package__, __cached__)
print(type(__loader__), __loader__.name, __loader__.path)
print(type(__builtins__), __annotations__)
print(list(vars(__main__)))
