# The counts that say when it is time begin anew in a template, so there may be one time less.
import gc

times = []
gc.callbacks.append(lambda phase, info: times.append((phase, info["generation"])))
kept = [[] for _ in range(20_000)]
print(len(times) in (56, 58), {generation for _, generation in times} <= {0, 1, 2}, times[0][0])
