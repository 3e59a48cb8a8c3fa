# outcome = "NONZERO_EXIT"
eval("1 +")
