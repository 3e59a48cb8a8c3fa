# limits = { output_bytes = 1000 }
print("x" * 999)
