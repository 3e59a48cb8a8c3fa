# outcome = "NONZERO_EXIT"
assert 1 == 2, "they are not"
