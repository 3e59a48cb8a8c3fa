# attack = "changes how its streams behave for whoever else has them open: not blocking, appending, with signals"
# threats = [50]
# stdin = "in"
# outcome = "OK"
# stdout = """
# b'in'
# written
# """
import contextlib
import fcntl
import os
import select

for number in range(3):
    flags = fcntl.fcntl(number, fcntl.F_GETFL)
    fcntl.fcntl(number, fcntl.F_SETFL, flags | os.O_NONBLOCK | os.O_APPEND | os.O_ASYNC)
select.select([0], [], [])
print(os.read(0, 10))
for _ in range(64):
    with contextlib.suppress(BlockingIOError):
        os.write(2, b"x" * 4096)
print("written")
