import tracemalloc

tracemalloc.start(3)
kept = [bytes(1000) for _ in range(100)]
snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, __file__)])
(statistic, *_) = snapshot.statistics("lineno")
print(statistic.count, statistic.size > 100_000, statistic.traceback)
tracemalloc.stop()
