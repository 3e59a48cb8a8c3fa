# files = { "space/one.py" = "x = 1" }
import space.one

print(space, space.__path__, space.one.x, space.__file__)
