# differs = { stdout = "a template's hash seed is that of all programs that come of it; a cold program has its own" }
print(hash("a"), hash(b"a"), list({"one", "two", "three", "four"}))
