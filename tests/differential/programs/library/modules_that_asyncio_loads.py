import sys

before = set(sys.modules)
import asyncio
import subprocess
import typing

print(sorted(set(sys.modules) - before))
