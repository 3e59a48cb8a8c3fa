import contextlib


@contextlib.contextmanager
def managed(name):
    print("enter", name)
    try:
        yield name
    except KeyError as error:
        print("swallowed", error)
    finally:
        print("exit", name)


with contextlib.ExitStack() as stack:
    print([stack.enter_context(managed(i)) for i in range(3)])
    {}["key"]
print("after")
