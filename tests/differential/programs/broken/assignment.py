# outcome = "NONZERO_EXIT"
f() = 1
