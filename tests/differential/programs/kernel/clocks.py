import time

for name in (
    "CLOCK_REALTIME",
    "CLOCK_MONOTONIC",
    "CLOCK_BOOTTIME",
    "CLOCK_PROCESS_CPUTIME_ID",
    "CLOCK_THREAD_CPUTIME_ID",
    "CLOCK_TAI",
):
    clock = getattr(time, name)
    print(name, time.clock_getres(clock), time.clock_gettime(clock) > 0)
print(time.tzname, time.timezone, time.get_clock_info("monotonic"), time.get_clock_info("time").implementation)
