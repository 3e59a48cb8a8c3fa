# A typical program of a competition.
# stdin = "5\n3 1 4 1 5\n2 7 1 8 2\n"
import sys
from collections import Counter, deque


def main():
    data = list(map(int, sys.stdin.buffer.read().split()))
    n, a, b = data[0], data[1 : 1 + data[0]], data[1 + data[0] :]
    queue = deque(sorted(zip(a, b, strict=True)))
    print(n, *(x * y for x, y in queue))
    sys.stdout.write("\n".join(f"{k} {v}" for k, v in sorted(Counter(a + b).items())) + "\n")


if __name__ == "__main__":
    main()
