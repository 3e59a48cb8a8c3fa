import atexit

for i in range(3):
    atexit.register(print, "handler", i)
atexit.register(lambda: atexit.register(print, "registered late"))
print("end", atexit._ncallbacks())
