import faulthandler
import sys
import time

faulthandler.dump_traceback_later(0.05, exit=False, file=sys.stderr)
time.sleep(0.5)
faulthandler.cancel_dump_traceback_later()
