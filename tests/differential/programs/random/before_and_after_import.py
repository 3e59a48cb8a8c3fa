# fresh = true
import sys

print("random" in sys.modules)
from random import random as number

print(number())
