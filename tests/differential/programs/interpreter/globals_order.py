first = 1
print(list(globals()))
second = 2
print(list(globals()), globals() is vars())
