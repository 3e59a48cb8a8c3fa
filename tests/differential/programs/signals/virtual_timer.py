import signal

done = []
signal.signal(signal.SIGVTALRM, lambda *_: done.append(1))
signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
while not done:
    pass
print("virtual time passed")
