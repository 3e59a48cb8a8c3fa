# attack = "prints what terminals and logs obey, what is no text, and its arguments and environment that are such"
# threats = [51]
# args = ["\u001b]0;title\u0007", "two\nlines", "\u202e"]
# env = { CODES = "\u001b[2J\u009b6n" }
# outcome = "OK"
# stdout = "\u0000\u001b[2J\u001b]52;c;eA==\u0007\u001bP+q\u001b\\\\xff\\xfe\\xed\\xa0\\x80\\xc0\\x80\n\u001b]0;title\u0007|two\nlines|\u202e|\u001b[2J\u009b6n\n"
import os
import sys

CODES = b"\0\x1b[2J\x1b]52;c;eA==\a\x1bP+q\x1b\\"
NO_TEXT = b"\xff\xfe\xed\xa0\x80\xc0\x80\n"

os.write(1, CODES + NO_TEXT)
os.write(1, b"|".join(map(os.fsencode, (*sys.argv[1:], os.environ["CODES"]))) + b"\n")
os.write(2, CODES + NO_TEXT)
