# stdin = "a line"
import sys

try:
    quit()
except SystemExit as error:
    print(error.code, sys.stdin.closed)
