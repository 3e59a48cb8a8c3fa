"""What the program says of itself."""

import __main__

print(__doc__)
print(list(vars(__main__)))
