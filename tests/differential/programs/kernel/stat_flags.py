# differs = { stdout = "a template's fork has never been exec'ed (0x40) and has had a capability (0x100)" }
print(open("/proc/self/stat").read().rpartition(")")[2].split()[6])
