import functools


@functools.singledispatch
def show(value):
    return "any"


@show.register
def _(value: int):
    return "int"


print(show(1), show(""), show(True), show.registry.keys())
