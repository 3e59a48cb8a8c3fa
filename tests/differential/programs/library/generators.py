def numbers():
    received = yield 1
    print("received", received)
    yield from (x for x in range(3))
    return "end"


generator = numbers()
print(next(generator), generator.send("value"), list(generator), generator.gi_frame)
