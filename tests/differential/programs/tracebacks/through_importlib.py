# outcome = "NONZERO_EXIT"
import importlib

importlib.import_module("there.is.none")
