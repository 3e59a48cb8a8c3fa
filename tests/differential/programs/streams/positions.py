import sys

for stream in (sys.stdin, sys.stdout, sys.stderr):
    for ask in (stream.tell, stream.buffer.tell, stream.buffer.raw.tell, stream.buffer.raw.seekable):
        try:
            print(ask())
        except OSError as error:
            print(type(error), error)
