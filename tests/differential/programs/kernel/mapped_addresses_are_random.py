# differs = { stdout = "containers of one template have the layout of its address space" }
print([line.split()[0] for line in open("/proc/self/maps") if "[stack]" in line or "[heap]" in line])
