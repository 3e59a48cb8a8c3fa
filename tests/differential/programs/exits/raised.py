# outcome = "NONZERO_EXIT"
raise SystemExit(4)
