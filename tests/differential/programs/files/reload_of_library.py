import importlib
import json
import os

print(importlib.reload(json).__name__, importlib.reload(os).__name__)
