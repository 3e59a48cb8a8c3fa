# files = { "sub/helper.py" = "x = 'sub'", "helper.py" = "x = 'beside'" }
import os

os.chdir("sub")
import helper

print(helper.x)
