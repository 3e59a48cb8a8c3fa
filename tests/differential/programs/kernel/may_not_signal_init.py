# differs = { stdout = "Landlock lets no signal out of a template's program; without it the kernel discards what is sent to process 1" }
import os

for number in (0, 15, 9):
    try:
        print(os.kill(1, number))
    except OSError as error:
        print(error)
