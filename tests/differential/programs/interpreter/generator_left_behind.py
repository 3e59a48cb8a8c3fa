import os


def words():
    try:
        yield "begun"
    finally:
        print("closed")


generator = words()
print(next(generator))
os._Environ.generator = generator
