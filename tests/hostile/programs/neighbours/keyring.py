# attack = "leaves a key in the kernel and looks for it in the next run, or in one beside it"
# threats = [41]
# before = "neighbours/keyring"
# beside = "neighbours/keyring"
# outcome = "OK"
# stdout = """
# request_key: EPERM
# add_key to user's: EPERM
# add_key to session's: EPERM
# persistent: EPERM
# join session: EPERM
# """
# caught_by = ["seccomp"]
from attack import attempt, syscall

ADD_KEY, REQUEST_KEY, KEYCTL = 248, 249, 250
SESSION, USER = -3, -4
JOIN_SESSION_KEYRING, GET_PERSISTENT = 1, 22
attempt("request_key", syscall, REQUEST_KEY, b"user", b"left", None, 0)
attempt("add_key to user's", syscall, ADD_KEY, b"user", b"left", b"note", 4, USER)
attempt("add_key to session's", syscall, ADD_KEY, b"user", b"left", b"note", 4, SESSION)
attempt("persistent", syscall, KEYCTL, GET_PERSISTENT, -1, SESSION, 0, 0)
attempt("join session", syscall, KEYCTL, JOIN_SESSION_KEYRING, b"left", 0, 0, 0)
