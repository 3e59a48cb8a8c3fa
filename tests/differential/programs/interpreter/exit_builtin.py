# outcome = "NONZERO_EXIT"
print("before")
exit(3)
