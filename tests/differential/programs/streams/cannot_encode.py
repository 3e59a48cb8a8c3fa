# outcome = "NONZERO_EXIT"
print("before")
print("\ud800")
