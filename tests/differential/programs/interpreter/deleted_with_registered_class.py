# What the library remembers of a program's classes and functions, in the ways that programs have.
# collect = ["written"]
import abc
import codecs
import functools
import json
import logging
import os
import typing


class Stack(typing.Generic[typing.TypeVar("T")]):
    def __del__(self):
        print("deleted a stack")


class Handler(logging.Handler):
    def emit(self, record):
        print("logged", record.getMessage())


class Fault(abc.ABC):
    @abc.abstractmethod
    def name(self): ...


def optional(stack: typing.Optional[Stack]): ...


@functools.singledispatch
def dispatched(value): ...


@dispatched.register
def _(value: Stack): ...


json.JSONEncoder.default = lambda self, value: "encoded"
os.PathLike.register(Stack)
codecs.register_error("mine", lambda error: ("?", error.end))
logging.getLogger().addHandler(Handler())
logging.warning("hello")
typing.get_type_hints(optional)
stack = Stack[int]()
file = open("written", "w")
file.write("all of it")
print(json.dumps(stack), "\xe9".encode("ascii", "mine"))
