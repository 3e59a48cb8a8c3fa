# fresh = true
import multiprocessing

print(bytes(multiprocessing.current_process().authkey).hex())
