import os

print("x" * 8191, end="")
os.write(1, b"<1>")
print("yy", end="")
os.write(1, b"<2>")
print("z" * 20_000)
