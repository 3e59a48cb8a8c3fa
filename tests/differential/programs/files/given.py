# files = { "data/input.csv" = "a,b\n1,2\n", "empty" = "" }
import csv
import os

print(list(csv.DictReader(open("data/input.csv"))), os.stat("empty").st_size, sorted(os.listdir()))
for path in ("data", "data/input.csv", "empty", "main.py"):
    print(path, oct(os.stat(path).st_mode), os.stat(path).st_uid)
