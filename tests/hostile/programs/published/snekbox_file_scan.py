# attack = "snekbox, its tests: links in circles and a thousand directories, so that looking for files never ends"
# threats = [32, 36]
# outcome = "OK"
# files = ["last"]
# collect = ["**/last", "last"]
import os

for number in range(50):
    os.symlink("." if number % 2 else "..", f"loop{number}")
with open("last", "w") as file:
    file.write("last")
os.symlink("/", "root")
for _ in range(1000):
    os.mkdir("deep")
    os.chdir("deep")
    os.symlink("/workspace", "again")
