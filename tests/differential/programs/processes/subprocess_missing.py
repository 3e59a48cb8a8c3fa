import subprocess

for command in ("/there/is/none", "/etc/passwd", "/"):
    try:
        subprocess.run([command])
    except OSError as error:
        print(error)
