import signal

print(signal.getsignal(signal.SIGCHLD), signal.getsignal(signal.SIGINT) is signal.default_int_handler)
