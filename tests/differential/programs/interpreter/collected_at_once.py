# Nothing of what has waited is there to be collected but its own: the program has made no garbage.
import gc

print(gc.collect() < 500)
