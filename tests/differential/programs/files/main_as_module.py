# The program under its own name is another module.
import sys

if __name__ == "__main__":
    import main

    print(main is sys.modules["__main__"], main.__name__, main.__spec__.origin, __spec__)
else:
    print("imported", __name__)
