try:
    "".encode("there-is-none")
except LookupError as error:
    print(error)
