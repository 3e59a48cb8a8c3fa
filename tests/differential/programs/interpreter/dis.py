import dis


def function(a):
    return [b for b in a if b]


dis.dis(function.__code__.co_code)
dis.dis(function)
