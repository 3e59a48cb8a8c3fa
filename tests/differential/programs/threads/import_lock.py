import _imp

print(_imp.lock_held())
