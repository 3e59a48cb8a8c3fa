# attack = "locks itself, and who comes to take its files away, out of everything by landlock, as often as it can"
# threats = [36, 41]
# outcome = "OK"
# collect = ["kept"]
# files = ["kept"]
# stdout = """
# /usr: EACCES
# /workspace: EACCES
# at most 15 domains
# """
# caught_by = []
import os
import struct

from attack import attempt, syscall

CREATE_RULESET, RESTRICT_SELF = 444, 446
EVERY_RIGHT_OF_LINUX_5_13 = (1 << 13) - 1

with open("kept", "w") as kept:
    kept.write("kept")
ruleset = syscall(CREATE_RULESET, struct.pack("Q", EVERY_RIGHT_OF_LINUX_5_13), 8, 0)
domains = 0
try:
    for domains in range(100):
        syscall(RESTRICT_SELF, ruleset, 0)
except OSError:
    pass
for path in ("/usr", "/workspace"):
    attempt(path, os.listdir, path)
print("at most", domains, "domains")
