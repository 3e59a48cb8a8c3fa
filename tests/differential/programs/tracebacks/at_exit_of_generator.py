def generator():
    try:
        yield 1
    finally:
        print("finally")
        raise ValueError("in a generator's end")


kept = generator()
next(kept)
