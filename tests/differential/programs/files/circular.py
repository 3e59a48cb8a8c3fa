# outcome = "NONZERO_EXIT"
# files = { "a.py" = "import b\nx = b.y", "b.py" = "import a\ny = a.x" }
import a
