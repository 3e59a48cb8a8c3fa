import os

KEYS = "Name Umask State Ngid PPid TracerPid Uid Gid FDSize Groups Kthread VmLck VmPin"
KEYS += " VmStk VmSwap HugetlbPages CoreDumping THP_enabled Threads SigPnd ShdPnd SigBlk SigIgn SigCgt CapInh CapPrm CapEff CapBnd"
KEYS += " CapAmb NoNewPrivs Seccomp Speculation_Store_Bypass SpeculationIndirectBranch Cpus_allowed Mems_allowed_list"
for line in open("/proc/self/status"):
    if line.partition(":")[0] in KEYS.split():
        print(line, end="")
    elif line.startswith(("Tgid", "Pid", "NS")):
        print(line.replace(f"\t{os.getpid()}", "\tOWN"), end="")
