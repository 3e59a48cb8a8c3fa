# env = { GREETING = "grüß dich", EMPTY = "" }
import os

print(os.environ["GREETING"], os.environb[b"GREETING"], repr(os.environ["EMPTY"]), list(os.environ))
