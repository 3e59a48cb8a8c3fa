# stdin = "a\nb\n"
# files = { "more.txt" = "c\n" }
import fileinput

for line in fileinput.input(["-", "more.txt"]):
    print(fileinput.filename(), fileinput.lineno(), line, end="")
