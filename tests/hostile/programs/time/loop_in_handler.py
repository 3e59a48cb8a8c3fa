# attack = "loops in the handler of every signal, that of the CPU time limit first"
# threats = [15]
# limits = { cpu_time = "0.3s" }
# outcome = "CPU_TIME_LIMIT"
# cause = "cpu_time"
# stdout = ""
import signal
import time

from attack import escaped


def loop(number, _frame):
    while time.process_time() < 1.5:
        pass
    escaped(f"1.5 s in the handler of signal {number}")


for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, loop)
signal.raise_signal(signal.SIGXCPU)
