print(() is (), "" is str(), 256 is int("256"), type(None)() is None, "main" is "".join(["ma", "in"]))
