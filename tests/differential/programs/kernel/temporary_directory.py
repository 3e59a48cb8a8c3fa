import os
import tempfile

print(tempfile.gettempdir(), os.listdir("/tmp"), oct(os.stat("/tmp").st_mode), tempfile.gettempprefix())
