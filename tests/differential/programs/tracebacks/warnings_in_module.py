# files = { "part.py" = "import warnings\nwarnings.warn('hidden', DeprecationWarning)\nwarnings.warn('shown')\n" }
import part

invalid = eval("'\\d'")
print(invalid)
