# outcome = "NONZERO_EXIT"
text = "without an end
print(text)
