# attack = "nothing: the honest neighbour, who needs a little of everything and always answers the same"
# threats = [14, 24]
# outcome = "OK"
# exit_code = 0
# stdout = "12 rounds: 6a47ef9710653a49\n"
# files = ["result"]
# collect = ["result"]
import hashlib
import os
import time

digest = hashlib.sha256()
for number in range(12):
    reader, writer = os.pipe()
    if os.fork() == 0:
        block = bytearray([number]) * (8 << 20)
        os.write(writer, hashlib.sha256(block[: 1 << 18]).digest())
        os._exit(0)
    os.wait()
    digest.update(os.read(reader, 32))
    os.close(reader)
    os.close(writer)
    with open("result", "wb") as file, open("/dev/zero", "rb") as zero:
        file.write(zero.read(1 << 18))
    with open("/dev/null", "wb") as null, open("/usr/lib/python3.11/os.py", "rb") as module:
        null.write(module.read())
    time.sleep(0.02)
print(f"12 rounds: {digest.hexdigest()[:16]}")
