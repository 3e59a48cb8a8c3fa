import mmap

with open("mapped", "w+b") as file:
    file.write(b"0" * 8192)
    file.flush()
    with mmap.mmap(file.fileno(), 0) as memory:
        memory[0:5] = b"hello"
        print(memory.find(b"o0"), len(memory))
    file.seek(0)
    print(file.read(8))
