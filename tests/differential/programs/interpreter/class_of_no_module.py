import os

exec("os.nothing = type('Nothing', (), {})()", {"os": os})
print(hasattr(type(os.nothing), "__module__"))
