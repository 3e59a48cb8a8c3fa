# limits = { file_size_bytes = "1MiB" }
try:
    with open("large", "wb") as file:
        file.write(b"x" * (3 << 20))
except OSError as error:
    print(error)
