import os
import multiprocessing
import multiprocessing.util

print(multiprocessing.current_process(), multiprocessing.parent_process(), multiprocessing.active_children())
print(
    multiprocessing.cpu_count(),
    multiprocessing.get_all_start_methods(),
    multiprocessing.current_process().pid == os.getpid(),
)
print(multiprocessing.util._finalizer_registry, len(bytes(multiprocessing.current_process().authkey)))
