import os
import subprocess

child = "import os; print(os.getpid() == os.getsid(0), os.getpid() == os.getpgrp())"
print(subprocess.check_output(["python3", "-c", child], start_new_session=True))
print(subprocess.check_output(["python3", "-c", child], process_group=0))
