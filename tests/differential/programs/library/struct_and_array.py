import array
import struct

print(struct.pack("<iQd", 1, 2, 3.0), array.array("d", [1, 2]).tobytes(), memoryview(b"abc")[1:].tolist())
