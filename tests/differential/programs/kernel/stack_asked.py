# limits = { stack_bytes = "1MiB" }
import resource

print(resource.getrlimit(resource.RLIMIT_STACK))
