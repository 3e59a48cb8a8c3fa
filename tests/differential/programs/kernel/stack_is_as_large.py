# outcome = "SIGNALED"
# limits = { stack_bytes = "512KiB" }
import sys

sys.setrecursionlimit(1_000_000)
nested = []
for _ in range(20_000):
    nested = [nested]
print(len(repr(nested)))
