# args = ["one", "--two", "", "drei ü"]
import sys

print(sys.argv, sys.orig_argv)
