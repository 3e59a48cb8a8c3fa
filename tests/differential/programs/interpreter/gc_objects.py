# A cold program begins with some 5,000; what waits in a template leaves some hundred.
import gc

print(4_000 < len(gc.get_objects()) < 7_000)
