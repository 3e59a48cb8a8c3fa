# Classes are looked at when a program ends, and asked nothing.
import os


class Meta(type):
    def __getattr__(cls, name):
        print("asked for", name)
        raise AttributeError(name)

    def __hash__(cls):
        print("hashed")
        return 1

    def __eq__(cls, other):
        print("compared")
        return cls is other


class Mine(metaclass=Meta):
    pass


os._Environ.mine = Mine()
os._Environ.classes = [Mine]
print("end")
