print("lines end")
print(__file__)
if 1:
    print("as in DOS")
