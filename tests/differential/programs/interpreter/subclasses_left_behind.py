# differs = { stdout = "what waits in a template leaves classes behind" }
for cls in object.__subclasses__():
    print(cls.__module__, cls.__qualname__)
