# attack = "asks for a mapping that is filled already"
# threats = [12]
# limits = { memory_bytes = "32MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
import mmap

from attack import escaped

MAP_POPULATE = 0x8000
mmap.mmap(-1, 256 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | MAP_POPULATE)
escaped("has 256 MiB")
