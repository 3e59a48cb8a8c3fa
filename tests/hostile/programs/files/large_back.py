# attack = "wants back sparse files that are far larger than an answer"
# threats = [36, 31]
# limits = { file_size_bytes = "4GiB" }
# collect = ["d/*"]
# outcome = "OK"
# files = ["d/a", "d/b", "d/e"]
# stdout = ""
# [skipped]
# "d/c" = "larger than what may still be returned"
# "d/d" = "larger than what may still be returned"
import os

os.mkdir("d")
for name, size in (("a", 12 << 20), ("b", 12 << 20), ("c", 12 << 20), ("d", 4 << 30), ("e", 1)):
    with open(f"d/{name}", "wb") as file:
        file.truncate(size)
