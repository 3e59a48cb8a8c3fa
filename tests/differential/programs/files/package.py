# files = { "package/__init__.py" = "from .a import x\n__all__ = ['x', 'b']", "package/a.py" = "from . import b\nx = b.y", "package/b.py" = "y = __name__, __package__" }
from package import *

print(x, b.__file__)
