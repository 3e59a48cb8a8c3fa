import warnings

warnings.simplefilter("always")
open(__file__)
print("end")
