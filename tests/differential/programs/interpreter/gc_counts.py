# differs = { stdout = "what waits in a template makes objects and has them collected, and their counts begin anew" }
import gc

print(gc.get_stats(), gc.get_count())
