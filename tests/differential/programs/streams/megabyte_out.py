# limits = { output_bytes = "4MiB" }
for i in range(20_000):
    print(i, "x" * 45)
