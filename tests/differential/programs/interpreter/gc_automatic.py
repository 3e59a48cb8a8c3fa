import gc

times = []
gc.callbacks.append(lambda phase, info: times.append((phase, info["generation"])))
kept = [[] for _ in range(20_000)]
print(len(times), {generation for _, generation in times} <= {0, 1, 2}, times[0][0])
