# stdin = "x"
import select
import sys

print(select.select([sys.stdin], [sys.stdout], [], 5)[1] == [sys.stdout], select.select([0], [], [], 5)[0])
