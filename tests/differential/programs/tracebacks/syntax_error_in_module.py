# outcome = "NONZERO_EXIT"
# files = { "part.py" = "def f(:\n    pass\n" }
import part
