# outcome = "NONZERO_EXIT"
with open(__file__, "w") as file:
    file.write("\n" * 5 + "# something else\n")
1 / 0
