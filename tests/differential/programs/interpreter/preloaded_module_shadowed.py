# Neither may a template that has loaded more take the place of the program's own.
# files = { "re.py" = "print('my re')", "enum.py" = "print('my enum')", "functools.py" = "print('my functools')", "collections/__init__.py" = "print('my collections')", "threading.py" = "print('my threading')", "typing.py" = "print('my typing')", "socket.py" = "print('my socket')", "ctypes.py" = "print('my ctypes')" }
import collections
import ctypes
import enum
import functools
import re
import socket
import threading
import typing

for module in (collections, enum, functools, re, socket, threading, typing, ctypes):
    print(module.__name__, module.__file__)
