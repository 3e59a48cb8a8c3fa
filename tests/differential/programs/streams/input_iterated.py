# stdin = "1 2\n3 4\n5 6\n"
import sys

print(sum(int(word) for line in sys.stdin for word in line.split()))
