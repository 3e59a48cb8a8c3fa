# env = { PYTHONUSERBASE = "/workspace/base" }
# files = { "base/lib/python3.11/site-packages/mine.py" = "print('mine')" }
import mine
