# limits = { disk_bytes = "1MiB" }
try:
    with open("large", "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
except OSError as error:
    print(error)
