# attack = "keeps a secret in keyrings of the kernel, has the host's helper called, and looks for keys of others"
# threats = [41]
# outcome = "OK"
# stdout = """
# user keyring: EPERM
# session keyring: EPERM
# process keyring: EPERM
# big key: EPERM
# helper of the host: EPERM
# new session: EPERM
# """
# caught_by = ["seccomp"]
from attack import attempt, syscall

ADD_KEY, REQUEST_KEY, KEYCTL = 248, 249, 250
PROCESS, SESSION, USER = -2, -3, -4
JOIN_SESSION_KEYRING = 1

attempt("user keyring", syscall, ADD_KEY, b"user", b"bait", b"x", 1, USER)
attempt("session keyring", syscall, ADD_KEY, b"user", b"bait", b"x", 1, SESSION)
attempt("process keyring", syscall, ADD_KEY, b"keyring", b"bait", 0, 0, PROCESS)
attempt("big key", syscall, ADD_KEY, b"big_key", b"bait", bytes(1 << 16), 1 << 16, PROCESS)
attempt("helper of the host", syscall, REQUEST_KEY, b"user", b"bait", b"x", SESSION)
attempt("new session", syscall, KEYCTL, JOIN_SESSION_KEYRING, b"bait")
with open("/proc/keys") as keys:
    print("".join(f"ESCAPED it sees a key: {line}" for line in keys), end="")
