# outcome = "NONZERO_EXIT"
# limits = { open_files = 32 }
kept = [open("/dev/null") for _ in range(64)]
