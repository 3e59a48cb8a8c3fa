import sys

print(b"\xff\xfe".decode(errors="surrogateescape"), ascii(sys.argv))
