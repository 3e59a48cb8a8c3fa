import _xxsubinterpreters

SCRIPT = "import gc; print(gc.get_freeze_count(), len(gc.get_objects()) > 1_000, gc.collect() >= 0)"
for _ in range(2):
    interpreter = _xxsubinterpreters.create()
    _xxsubinterpreters.run_string(interpreter, SCRIPT)
    _xxsubinterpreters.destroy(interpreter)
