# outcome = "NONZERO_EXIT"
data = {"a": {"b": None}}
print(data["a"]["b"]["c"] + data["a"]["x"])
