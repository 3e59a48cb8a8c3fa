# A warning of the compiler, before the program runs.
x = 1
print(x is 1, (lambda: 1)() is 1)
assert (x, "always true")
