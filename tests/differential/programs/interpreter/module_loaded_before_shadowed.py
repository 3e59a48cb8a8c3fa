# What site has imported before main.py is read is the library's, whatever lies beside the program.
# files = { "os.py" = "print('my os')", "site.py" = "print('my site')", "codecs.py" = "print('my codecs')", "abc.py" = "print('my abc')" }
import abc
import codecs
import os
import site

print(os.__file__, site.__file__, codecs.__file__, abc.__file__)
