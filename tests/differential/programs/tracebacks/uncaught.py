# outcome = "NONZERO_EXIT"
def outer(value):
    return inner(value + 1)


def inner(value):
    return value / (value - value)  # here


outer(1)
