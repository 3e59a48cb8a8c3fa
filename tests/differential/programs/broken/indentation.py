# outcome = "NONZERO_EXIT"
if True:
        print(1)
    print(2)
