import sys

for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream, stream.name, stream.mode, stream.encoding, stream.errors, stream.newlines)
    print(stream.line_buffering, stream.write_through, stream.isatty(), stream.fileno(), stream.seekable())
    print(stream.readable(), stream.writable(), type(stream), stream._CHUNK_SIZE)
    print(stream.buffer, stream.buffer.name, stream.buffer.raw, stream.buffer.raw.closefd, stream.buffer.raw.mode)
