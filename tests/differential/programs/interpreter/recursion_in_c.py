# How deep C code may go before the main thread's stack ends.
# outcome = "SIGNALED"
import faulthandler
import sys
import functools

sys.setrecursionlimit(1_000_000)
faulthandler.disable()
function = len
for _ in range(100_000):
    function = functools.partial(map, function)


class Deep:
    def __eq__(self, other):
        return sorted([self, other], key=lambda x: x == other) == []


Deep() == Deep()
