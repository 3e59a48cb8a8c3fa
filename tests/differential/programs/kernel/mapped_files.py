# Which files are mapped by the program, in order of their names; but for what waits in a template, and has been unloaded by name only.
OF_THE_TEMPLATE = "/_ctypes.", "/libffi.", "/_socket.", "/libgcc_s."
names = {line.split(None, 5)[5].strip() for line in open("/proc/self/maps") if len(line.split()) > 5}
print(
    *sorted(name for name in names if not any(word in name for word in OF_THE_TEMPLATE)),
    sep="\n",
)
