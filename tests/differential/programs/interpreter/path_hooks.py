import pkgutil
import runpy
import sys

print(sys.path_hooks, sys.meta_path)
finders = {path: finder for path, finder in sys.path_importer_cache.items() if finder}
print(
    [path for path, finder in finders.items() if any("template" in name for name in getattr(finder, "_path_cache", ()))]
)
print(sorted(finders), pkgutil.get_importer("/workspace"))
if __name__ == "__main__":
    runpy.run_path("main.py", run_name="again")
