import os
import signal

if (child := os.fork()) == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(3)
print(os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]))
os.kill(child, signal.SIGCONT)
print(os.waitpid(child, 0)[1])
