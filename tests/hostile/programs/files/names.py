# attack = "wants files back whose names are terminal escapes, lines, options, too long, and no text"
# threats = [32, 51]
# collect = ["d/*"]
# outcome = "OK"
# files = ["d/\u001b]0;title\u0007\u001b[2J", "d/-rf", "d/...", "d/a\nb", "d/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", "d/\u202egpj"]
# skipped = { "d/\ufffd\ufffd" = "its name is not UTF-8" }
# stdout = """
# 256 bytes: ENAMETOOLONG
# """
import os

from attack import attempt

os.mkdir("d")
for name in (b"\x1b]0;title\x07\x1b[2J", b"a\nb", b"-rf", b"...", b"n" * 255, "\u202egpj".encode(), b"\xff\xfe"):
    with open(b"d/" + name, "wb"):
        pass
attempt("256 bytes", open, "d/" + "n" * 256, "wb")
