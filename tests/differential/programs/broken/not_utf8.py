# outcome = "NONZERO_EXIT"
print("ÿþ")
