import threading

threading.excepthook = lambda args: print(args.exc_type, args.exc_value, args.thread.name)
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
