# files = { "part.py" = "print(__name__, __file__, __spec__)", "package/__main__.py" = "print(__name__, __package__)" }
import runpy

runpy.run_path("part.py", run_name="other")
runpy.run_module("part")
runpy.run_module("package", run_name="__main__")
