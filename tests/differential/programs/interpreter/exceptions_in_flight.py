import sys

print(sys.exc_info(), sys.exception())
print(hasattr(sys, "last_type"), hasattr(sys, "last_value"), hasattr(sys, "ps1"))
try:
    raise ValueError("x")
except ValueError as error:
    print(error.__context__, error.__cause__, sys.exc_info()[1] is error)
