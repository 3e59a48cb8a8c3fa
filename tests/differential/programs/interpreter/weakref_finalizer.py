import weakref


class Thing:
    pass


thing = Thing()
weakref.finalize(thing, print, "finalized at exit")
weakref.finalize(Thing(), print, "finalized at once")
print("end")
