import threading

local = threading.local()
local.value = 1
thread = threading.Thread(target=lambda: print(hasattr(local, "value")))
thread.start()
thread.join()
