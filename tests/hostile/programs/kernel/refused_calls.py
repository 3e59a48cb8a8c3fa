# attack = "makes every system call that honest programs do without, with arguments that do no harm"
# threats = [22, 34, 41]
# outcome = "OK"
# stdout = "52 calls: EPERM\n"
# caught_by = ["seccomp"]
import errno

from attack import WALLS, escaped, syscall

BAD, NOBODY = 1, 1 << 22  # an address that is not mapped, a process that there is not
CALLS = {
    "ptrace": (101, 16, NOBODY, 0, 0),
    "syslog": (103, 10, 0, 0),
    "ustat": (136, 0, BAD),
    "sysfs": (139, 3),
    "vhangup": (153,),
    "modify_ldt": (154, 0, BAD, 16),
    "_sysctl": (156, BAD),
    "adjtimex": (159, BAD),
    "chroot": (161, BAD),
    "settimeofday": (164, BAD, 0),
    "mount": (165, BAD, BAD, BAD, 0, 0),
    "umount2": (166, BAD, 0),
    "sethostname": (170, BAD, 1),
    "setdomainname": (171, BAD, 1),
    "get_kernel_syms": (177, 0),
    "query_module": (178, 0, 0, 0, 0, 0),
    "quotactl": (179, BAD, BAD, 0, 0),
    "nfsservctl": (180, 0, 0, 0),
    "lookup_dcookie": (212, 0, BAD, 1),
    "clock_settime": (227, 0, BAD),
    "set_mempolicy": (238, 0, 0, 0),
    "mbind": (237, 0, 4096, 0, 0, 0, 0),
    "add_key": (248, BAD, BAD, 0, 0, -1),
    "request_key": (249, BAD, BAD, 0, 0),
    "keyctl": (250, 0, -3, 0),
    "migrate_pages": (256, 0, 0, BAD, BAD),
    "move_pages": (279, 0, 1, BAD, 0, BAD, 0),
    "perf_event_open": (298, BAD, 0, -1, -1, 0),
    "fanotify_init": (300, 1 << 30, 0),
    "name_to_handle_at": (303, -100, BAD, BAD, BAD, 0),
    "clock_adjtime": (305, 0, BAD),
    "setns": (308, -1, 0),
    "process_vm_readv": (310, NOBODY, BAD, 1, BAD, 1, 0),
    "process_vm_writev": (311, NOBODY, BAD, 1, BAD, 1, 0),
    "kcmp": (312, NOBODY, NOBODY, 0, 0, 0),
    "bpf": (321, 15, BAD, 16),
    "userfaultfd": (323, 1),
    "open_tree": (428, -100, BAD, 0),
    "move_mount": (429, -1, BAD, -1, BAD, 0),
    "fsopen": (430, BAD, 0),
    "fsconfig": (431, -1, 0, 0, 0, 0),
    "fsmount": (432, -1, 0, 0),
    "fspick": (433, -100, BAD, 0),
    "pidfd_getfd": (438, -1, 0, 0),
    "process_madvise": (440, -1, BAD, 1, 0, 0),
    "mount_setattr": (442, -1, BAD, 0, BAD, 32),
    "quotactl_fd": (443, -1, 0, 0, BAD),
    "memfd_secret": (447, 0),
    "process_mrelease": (448, -1, 0),
    "set_mempolicy_home_node": (450, 0, 4096, 0, 0),
    "statmount": (457, BAD, BAD, 0, 0),
    "listmount": (458, BAD, BAD, 0, 0),
}

answers = set()
for name, (number, *arguments) in CALLS.items():
    try:
        escaped(f"{name}: {syscall(number, *arguments)}")
    except OSError as error:
        answers.add(errno.errorcode[error.errno])
        if errno.errorcode[error.errno] not in WALLS:  # it comes from behind them
            escaped(f"{name}: {errno.errorcode[error.errno]}")
print(f"{len(CALLS)} calls:", *sorted(answers))
