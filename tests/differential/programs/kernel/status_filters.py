# differs = { stdout = "a template's program is behind the template's filter, too" }
print([line for line in open("/proc/self/status") if line.startswith("Seccomp_filters")])
