# outcome = "NONZERO_EXIT"
# coding: there-is-none
print("never")
