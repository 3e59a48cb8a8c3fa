from multiprocessing import Array, Lock, Process, Value, shared_memory


def work(value, array, lock, name):
    with lock:
        value.value += 1
        array[0] = 7
    memory = shared_memory.SharedMemory(name)
    memory.buf[0] = 42
    memory.close()


if __name__ == "__main__":
    value, array, lock = Value("i", 0), Array("i", 3), Lock()
    memory = shared_memory.SharedMemory(create=True, size=100)
    process = Process(target=work, args=(value, array, lock, memory.name))
    process.start()
    process.join()
    print(value.value, array[:], memory.buf[0], process.exitcode)
    memory.close()
    memory.unlink()
