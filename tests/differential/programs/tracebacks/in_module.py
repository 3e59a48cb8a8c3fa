# outcome = "NONZERO_EXIT"
# files = { "part.py" = "def broken(x):\n    return x.nothing  # in part\n", "package/__init__.py" = "from . import deep\n", "package/deep.py" = "def call(f):\n    return f(1)\n" }
import package
import part

package.deep.call(part.broken)
