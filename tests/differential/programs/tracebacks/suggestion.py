# outcome = "NONZERO_EXIT"
correct = 1
corect
