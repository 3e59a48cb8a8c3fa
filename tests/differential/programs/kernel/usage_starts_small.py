import resource

usage = resource.getrusage(resource.RUSAGE_SELF)
children = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime + usage.ru_stime < 1, usage.ru_maxrss > 1000, usage.ru_minflt > 0, usage.ru_inblock >= 0)
print(children.ru_utime, children.ru_stime, children.ru_maxrss, children.ru_minflt)
