import sys

events = []
sys.addaudithook(lambda event, arguments: events.append((event, str(arguments)[:60])))
open("/dev/null").close()
compile("1", "x", "eval")
exec("pass")
import colorsys

print(*[event for event in events if not event[0].startswith("object.")], sep="\n")
