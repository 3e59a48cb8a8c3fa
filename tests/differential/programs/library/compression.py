import bz2
import gzip
import lzma
import zlib

data = b"some text, again and again. " * 1000
for module in (zlib, bz2, lzma):
    packed = module.compress(data)
    print(module.__name__, len(packed), module.decompress(packed) == data)
print(zlib.crc32(data), len(gzip.compress(data, mtime=0)))
