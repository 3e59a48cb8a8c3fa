# outcome = "CPU_TIME_LIMIT"
# limits = { cpu_time = "0.3s" }
print("spins", flush=True)
while True:
    pass
