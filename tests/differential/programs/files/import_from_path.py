# files = { "elsewhere/mod.py" = "x = __name__" }
import importlib.util

spec = importlib.util.spec_from_file_location("named", "elsewhere/mod.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.x, module)
