import sys
import zipfile

with zipfile.ZipFile("archive.zip", "w") as archive:
    archive.writestr("zipped.py", "x = __file__")
sys.path.insert(0, "archive.zip")
import zipped

print(zipped.x)
