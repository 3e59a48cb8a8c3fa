# outcome = "OUTPUT_LIMIT"
# limits = { output_bytes = "10KiB" }
# differs = { detail = "how much was written before the end is a matter of time" }
while True:
    print("x" * 100)
