import atexit
import os


@atexit.register
def collector():
    import gc

    print(gc.get_freeze_count(), any(found is vars(os) for found in gc.get_objects()), gc.collect() >= 0)


print("end")
