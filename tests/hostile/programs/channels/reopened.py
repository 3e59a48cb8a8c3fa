# attack = "opens the other ends of its streams by /proc, cuts them, forbids others to open them, and keeps them from ending"
# threats = [35, 50]
# limits = { wall_time = "10s" }
# stdin = "in"
# outcome = "OK"
# stdout = """
# read b'in'
# nothing more: EAGAIN
# no more readers: EACCES
# written
# """
import os

from attack import attempt

to_stdin = os.open("/proc/self/fd/0", os.O_WRONLY)
print("read", os.read(0, 2), flush=True)
os.set_blocking(0, False)
attempt("nothing more", os.read, 0, 1)
for number in range(3):
    os.close(os.open(f"/proc/self/fd/{number}", os.O_RDWR | os.O_TRUNC))
    os.chmod(f"/proc/self/fd/{number}", 0)
attempt("no more readers", os.open, "/proc/self/fd/1", os.O_RDONLY)
if os.fork() == 0:  # it holds all ends of all streams, and does not end
    while True:
        os.read(os.pipe()[0], 1)
print("written", flush=True)
