import difflib
import string
import textwrap
import unicodedata

print(
    textwrap.fill("word " * 30, 40),
    *difflib.unified_diff(["a", "b"], ["a", "c"], lineterm=""),
    unicodedata.name("ü"),
    string.Template("$x").substitute(x=1),
)
