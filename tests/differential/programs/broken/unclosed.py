# outcome = "NONZERO_EXIT"
print((1, [2, 3)
