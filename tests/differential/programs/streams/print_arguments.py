print(1, 2.0, "three", None, sep="|", end="!\n")
print()
print("é" * 3, "\t", "\N{SNOWMAN}", "\0", "\x1b[1m")
