# outcome = "WALL_TIME_LIMIT"
# limits = { wall_time = "0.3s" }
import threading

threading.Event().wait()
