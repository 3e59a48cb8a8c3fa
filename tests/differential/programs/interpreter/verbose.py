# env = { PYTHONVERBOSE = "1" }
print("main")
