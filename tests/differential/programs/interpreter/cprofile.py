import cProfile
import io
import pstats


def function():
    return sum(range(100))


profile = cProfile.Profile()
profile.runcall(function)
print([(name[2], row[0]) for name, row in sorted(pstats.Stats(profile, stream=io.StringIO()).stats.items())])
