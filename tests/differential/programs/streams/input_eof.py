# outcome = "NONZERO_EXIT"
print(input())
