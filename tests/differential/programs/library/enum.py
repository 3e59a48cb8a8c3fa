import enum


class Colour(enum.Flag):
    RED = enum.auto()
    BLUE = enum.auto()


print(Colour.RED | Colour.BLUE, list(Colour), Colour(1), repr(Colour.BLUE))
