# outcome = "NONZERO_EXIT"
raise MemoryError
