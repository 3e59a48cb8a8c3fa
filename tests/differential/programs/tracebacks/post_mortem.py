# stdin = "where\nquit\n"
import pdb
import sys

try:
    [][1]
except IndexError:
    pdb.post_mortem(sys.exc_info()[2])
