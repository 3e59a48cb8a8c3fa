# stdin = "one\ntwo\r\nthree"
import sys

print([input(), input(), input()])
try:
    input("more? ")
except EOFError as error:
    print(error)
print(repr(sys.stdin.read()))
