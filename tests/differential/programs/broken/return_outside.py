# outcome = "NONZERO_EXIT"
return 3
