# attack = "asks for personalities: maps that can be executed, a page at zero, the old layout, another kernel"
# threats = [41, 48]
# outcome = "OK"
# stdout = """
# executable maps: EPERM
# page at zero: EPERM
# old layout: EPERM
# sticky timeouts: EPERM
# Solaris: EPERM
# 32 bits: EPERM
# without address randomisation: 0
# """
# caught_by = ["seccomp"]
from attack import attempt, syscall

PERSONALITY = 135
PERSONALITIES = {
    "executable maps": 0x0400000,
    "page at zero": 0x0100000,
    "old layout": 0x0200000,
    "sticky timeouts": 0x4000000,
    "Solaris": 0x400000D,
    "32 bits": 0x0008,
}
ADDR_NO_RANDOMIZE = 0x0040000

for name, number in PERSONALITIES.items():
    attempt(name, syscall, PERSONALITY, number)
# It weakens only itself, and is allowed.
print("without address randomisation:", syscall(PERSONALITY, ADDR_NO_RANDOMIZE))
