# attack = "wants back more files than an answer has room for"
# threats = [36]
# collect = ["d/*"]
# outcome = "OK"
# skipped = { "d/9999" = "more files than may be returned" }
# stdout = ""
import os

os.mkdir("d")
for number in (*range(1000, 1000 + 4096), 9999):
    os.close(os.open(f"d/{number}", os.O_CREAT))
