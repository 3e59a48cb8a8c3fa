import os
import subprocess
import sys


def show(where):
    import gc

    print(where, gc.get_freeze_count(), len(gc.get_objects()) > 3_000, flush=True)


if os.fork() == 0:
    show("forked")
    sys.exit(0)
os.wait()
subprocess.run(
    [sys.executable, "-c", "import gc; print('executed', gc.get_freeze_count(), len(gc.get_objects()) > 3_000)"]
)
show("parent")
