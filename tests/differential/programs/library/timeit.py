# differs = { stdout = "it is times" }
import timeit

print(timeit.timeit("1 + 1", number=1000))
