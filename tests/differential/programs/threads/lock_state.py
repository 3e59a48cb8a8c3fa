import _thread
import threading

print(threading._main_thread, threading._shutdown_locks, len(threading._active), threading._dangling.data.__len__())
print(_thread._count(), threading._limbo)
