# differs = { stdout = "what waits in a template makes objects and has them collected" }
import gc

print(gc.get_stats())
