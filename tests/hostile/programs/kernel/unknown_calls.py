# attack = "makes calls by numbers that mean nothing: gaps of the table, new ones, negative ones, with bits in the upper half"
# threats = [41, 43]
# outcome = "OK"
# stdout = """
# gap of the table: EPERM
# new ones: ENOSYS
# far ones: ENOSYS
# negative ones: EPERM
# upper half: EPERM
# """
# caught_by = []
import errno

from attack import attempt, escaped, syscall

KCMP = 312


def answers(numbers):
    """Return what these numbers are answered, and say which are calls after all."""
    found = set()
    for number in numbers:
        try:
            syscall(number, -1, 0, 0, 0, 0, 0)
            escaped(f"call {number}")
        except OSError as error:
            found.add(errno.errorcode[error.errno])
    return " ".join(sorted(found))


print("gap of the table:", answers(range(337, 424)))
print("new ones:", answers(range(500, 600)))
print("far ones:", answers((1023, 4095, 1 << 16, (1 << 30) - 1)))
print("negative ones:", answers((-1, 0xFFFFFFFF)))
attempt("upper half", syscall, 1 << 32 | KCMP, 0, 0, 0, 0, 0)
