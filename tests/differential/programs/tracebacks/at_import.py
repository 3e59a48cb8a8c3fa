# outcome = "NONZERO_EXIT"
# files = { "part.py" = "import other\n", "other.py" = "\n\nraise RuntimeError('while imported')\n" }
import part
