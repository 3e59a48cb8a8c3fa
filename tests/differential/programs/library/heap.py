import bisect
import heapq
import itertools

print(heapq.nsmallest(3, [5, 1, 4, 2]), bisect.bisect([1, 2, 3], 2), list(itertools.permutations("abc"))[:3])
