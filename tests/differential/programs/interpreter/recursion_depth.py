depth = 0


def descend():
    global depth
    depth += 1
    descend()


try:
    descend()
except RecursionError as error:
    print(depth, error)
