# outcome = "WALL_TIME_LIMIT"
# limits = { wall_time = "0.3s" }
import time

print("sleeps", flush=True)
time.sleep(60)
