# limits = { open_files = 64, file_size_bytes = "1MiB", cpu_time = "3s", processes = 20, memory_bytes = "100MiB" }
import resource

for name in sorted(name for name in dir(resource) if name.startswith("RLIMIT_")):
    print(name, resource.getrlimit(getattr(resource, name)))
