# outcome = "SIGNALED"
import sys

sys.setrecursionlimit(10_000_000)


class Deep:
    def __getattr__(self, name):
        return getattr(self, name + "")

    def __repr__(self):
        return "%r" % self


repr(Deep())
