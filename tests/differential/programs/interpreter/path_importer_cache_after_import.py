import sys
import json

print(list(sys.path_importer_cache))
for finder in sys.path_importer_cache.values():
    print(finder, hasattr(finder, "_loaders") and finder._loaders)
