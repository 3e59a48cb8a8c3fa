# No mapping may be written and executed.
print(sorted({line.split()[1] for line in open("/proc/self/maps")}))
