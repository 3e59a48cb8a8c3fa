# Which nobody else asks at the end.
import builtins


def shouting(name, original):
    def shout(*arguments):
        if shouts:
            print(name)
        return original(*arguments)

    return shout


shouts = False
for name in ("all", "any", "id", "issubclass", "map", "zip", "getattr", "len"):
    setattr(builtins, name, shouting(name, getattr(builtins, name)))
shouts = True
print("end")
