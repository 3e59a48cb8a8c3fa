# Each of these leaves functions, classes and weak references that nothing has let go of when modules are cleared.
import argparse
import asyncio
import collections.abc
import dataclasses
import enum
import logging
import unittest
import urllib.request


@dataclasses.dataclass
class Point:
    x: int


class Seen(collections.abc.Mapping):
    def __getitem__(self, key):
        return key

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0


async def wait():
    await asyncio.sleep(0)
    return Point(1)


class Colour(enum.Enum):
    RED = 1


logging.warning("%s %s", asyncio.run(wait()), Colour.RED)
print(
    isinstance(Seen(), collections.abc.Mapping),
    len(Seen()),
    argparse.ArgumentParser("x").prog,
    unittest.TestCase,
    urllib.request.Request,
)
