import sys
import threading

print(len(sys._current_frames()), sys._current_exceptions().values())
print(threading.enumerate(), threading.main_thread().ident == threading.get_ident())
