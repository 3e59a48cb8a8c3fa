import os

made = 0
try:
    while True:
        os.mkdir(f"d{made}")
        made += 1
except OSError as error:
    print(made, error)
