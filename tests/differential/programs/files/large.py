import hashlib

with open("large", "wb") as file:
    for i in range(1000):
        file.write(bytes([i % 256]) * 10_000)
print(hashlib.file_digest(open("large", "rb"), "sha256").hexdigest())
