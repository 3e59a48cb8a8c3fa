import importlib.util

for name in ("os", "json", "sys", "zipimport", "none", "encodings.utf_8", "_json", "__main__", "site"):
    try:
        print(name, importlib.util.find_spec(name))
    except ValueError as error:
        print(error)
