# tty = true
# stdin = "somebody\n"
import select
import sys

select.select([sys.stdin], [], [])  # what the terminal echoes comes before the prompt then
print("hello", input("name? "))
