# outcome = "NONZERO_EXIT"
await nothing
