# limits = { cpus = 1.0 }
import multiprocessing
import os

print(len(os.sched_getaffinity(0)), len(os.sched_getaffinity(0)) == os.sysconf("SC_NPROCESSORS_ONLN"))
