# attack = "makes directories 10,000 deep, and wants them back"
# threats = [32]
# collect = ["**"]
# limits = { cpu_time = "300s", wall_time = "600s" }
# outcome = "OK"
# files = ["attack.py", "main.py"]
# skipped = { "d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d" = "deeper than 64 directories" }
# stdout = ""
import os

for _ in range(10_000):
    os.mkdir("d")
    os.chdir("d")
with open("bottom", "w"):
    pass
