# The adaptive interpreter warms up a program's code from nothing.
import dis


def function(a, b):
    return a + b


for _ in range(100):
    function(1, 2)
print([i.opname for i in dis.get_instructions(function, adaptive=True)])
