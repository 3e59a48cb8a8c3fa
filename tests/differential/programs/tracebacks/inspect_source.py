import inspect


class Shown:
    """A class."""

    def method(self):
        return 1


print(inspect.getsource(Shown), inspect.getsourcefile(Shown), inspect.getfile(Shown.method), inspect.getmodule(Shown))
