import sys

events = []
sys.setprofile(lambda frame, event, argument: events.append((frame.f_code.co_name, event, str(argument)[:20])))
sorted([2, 1], key=lambda x: x)
sys.setprofile(None)
print(*events, sep="\n")
