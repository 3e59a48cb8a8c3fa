# differs = { stdout = "what waits in a template has loaded _ctypes and _socket" }
print(
    sorted(
        {
            line.split(None, 5)[5].strip()
            for line in open("/proc/self/maps")
            if "/_ctypes." in line or "/_socket." in line
        }
    )
)
