class Meta(type):
    def __prepare__(name, bases):
        print("prepare", name)
        return {}

    def __call__(cls, *args):
        print("call", cls.__qualname__)
        return super().__call__(*args)


class Thing(metaclass=Meta):
    def __init_subclass__(cls):
        print("subclass", cls.__name__)


class Other(Thing):
    pass


Other()
