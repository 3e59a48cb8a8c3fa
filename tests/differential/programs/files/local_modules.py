# files = { "part.py" = "from other import value\nname = __name__, __file__, __package__, __spec__.loader.__class__", "other.py" = "value = 3" }
import part

print(part.value, part.name)
