# outcome = "NONZERO_EXIT"
import codecs
import os

os.environ[3] = "x"
