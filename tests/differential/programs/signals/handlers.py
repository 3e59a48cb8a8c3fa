import signal

for number in signal.valid_signals():
    print(number, signal.getsignal(number))
