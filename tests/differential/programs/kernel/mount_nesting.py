# Which mount is on which, by their places.
lines = [line.split() for line in open("/proc/self/mountinfo")]
places = {line[0]: line[4] for line in lines}
for line in lines:
    print(line[4], "on", places.get(line[1]))
