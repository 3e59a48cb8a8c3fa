# outcome = "NONZERO_EXIT"
print("never")
if True
    pass
