# What the search for modules has looked at before the program.
import sys

for path, finder in sys.path_importer_cache.items():
    print(
        path,
        type(finder).__name__,
        getattr(finder, "_path_mtime", None) and finder._path_mtime > 0,
        len(getattr(finder, "_path_cache", ())),
    )
