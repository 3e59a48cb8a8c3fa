import sys

events = []


def trace(frame, event, argument):
    events.append((frame.f_code.co_name, event, frame.f_lineno))
    return trace


def traced(n):
    for i in range(n):
        n -= 1
    return n


sys.settrace(trace)
traced(2)
sys.settrace(None)
print(*events, sep="\n")
