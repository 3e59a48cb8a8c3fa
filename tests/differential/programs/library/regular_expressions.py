import re

print(
    re.findall(r"(?P<word>\w+)\s", "the quick brown fox "), re.sub(r"(a)(b)?", r"[\1]", "abac"), re.compile("x", re.I)
)
