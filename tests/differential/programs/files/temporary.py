import os
import tempfile

with tempfile.NamedTemporaryFile(suffix=".x") as file, tempfile.TemporaryDirectory() as directory:
    print(file.name, directory, oct(os.stat(file.name).st_mode), os.path.dirname(file.name))
