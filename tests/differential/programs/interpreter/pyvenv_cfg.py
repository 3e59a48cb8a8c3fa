# files = { "pyvenv.cfg" = "home = /usr/bin" }
import sys

print(sys.prefix, sys.path)
