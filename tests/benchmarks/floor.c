/* What a throwaway container costs without Python: the floor that sandboxd's own cold start is compared with.
 *
 *     floor ROOT FILTER FIRST_ID VERSION GROUP...
 *
 * ROOT: a directory with the image's root mounted. FILTER: a file with the policy's seccomp program. FIRST_ID: the first of
 * 65,536 ids that belong to nobody. VERSION: of cgroups, 1 or 2. GROUP: directories below which groups can be made; for 1
 * those of memory, cpu, cpuacct, pids and cpuset, in this order, and for 2 the one. What groups inherit is set there.
 *
 * For each byte on stdin it makes a container, runs /bin/true in it, destroys it, and prints a line: the nanoseconds that
 * this took, from before the first system call to after the last. So its turns can be taken between those of others. It
 * ends at the end of stdin; anything that fails ends it at once, with a message.
 *
 * The container has every wall that sandboxd's has, in the same order: compare sandboxd/runtime/steps.py with build() below,
 * step by step, and launcher.py with create(). What is left out is what only a service needs: files, terminals, several
 * images, the memory of limits that change. A step that is added there belongs here too, or the ratio is a lie.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Newer than Debian bookworm's headers. */
#define ACCESS_FS_IOCTL_DEV (1ULL << 15)
#define ACCESS_FS_TRUNCATE (1ULL << 14)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)
#define SCOPE_ABI 6

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define NEW_NAMESPACES                                                                                                 \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)
#define IDS 65536
#define PROGRAM_ID 1000
#define INIT_ID 999
#define GUARD (MS_NOSUID | MS_NODEV)
#define MOST_GROUPS 5

/* The limits of the default policy: policies/default.toml. */
#define MEMORY_BYTES "268435456"
#define DISK_BYTES "67112960"
#define INODES "16384"
#define PROCESSES "64"

static const char *const masked_files[] = {
    "/proc/buddyinfo",     "/proc/cgroups",     "/proc/cmdline",      "/proc/diskstats", "/proc/interrupts",
    "/proc/kallsyms",      "/proc/kcore",       "/proc/keys",         "/proc/key-users", "/proc/kpagecgroup",
    "/proc/kpagecount",    "/proc/kpageflags",  "/proc/latency_stats", "/proc/locks",    "/proc/pagetypeinfo",
    "/proc/sched_debug",   "/proc/schedstat",   "/proc/softirqs",     "/proc/timer_list", "/proc/timer_stats",
};
static const char *const masked_directories[] = {
    "/proc/acpi", "/proc/asound", "/proc/fs", "/proc/pressure", "/proc/scsi",
};
static const char *const read_only[] = {"/proc/bus", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
static const struct { const char *name; unsigned major, minor; } devices[] = {
    {"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};
static const struct { const char *name, *target; } links[] = {
    {"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
};

/* What is the same for all containers. */
static struct sock_fprog filter;
static uid_t first_id;
static int cgroup_version, groups[MOST_GROUPS], group_count, last_capability, landlock_abi, own_pidfd;
static char statistics[4096];

static void fail(const char *what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(1);
}

/* Every call must succeed: a floor with a wall missing would be too low. */
static long check(long result, const char *what) {
    if (result < 0)
        fail(what);
    return result;
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void write_at(int directory, const char *name, const char *value) {
    int fd = check(openat(directory, name, O_WRONLY | O_CLOEXEC), name);
    check(write(fd, value, strlen(value)), name);
    close(fd);
}

static size_t read_at(int directory, const char *name, char *buffer, size_t size) {
    int fd = check(openat(directory, name, O_RDONLY | O_CLOEXEC), name);
    ssize_t length = check(read(fd, buffer, size - 1), name);
    close(fd);
    buffer[length] = 0;
    return length;
}

/* --- Messages with descriptors: SCM_RIGHTS, as wire.py has them. --- */

static void send_fds(int socket, const int *fds, int count) {
    char control[CMSG_SPACE(sizeof(int) * 8)] = {0};
    struct iovec data = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (count) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    check(sendmsg(socket, &message, MSG_NOSIGNAL), "sendmsg");
}

static void receive_fds(int socket, int *fds, int count) {
    char byte, control[CMSG_SPACE(sizeof(int) * 8)];
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (check(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), "recvmsg") == 0)
        _exit(1); /* the other side has failed, and has said why */
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (count && (!header || header->cmsg_len != CMSG_LEN(sizeof(int) * count))) {
        errno = EPROTO;
        fail("descriptors");
    }
    if (count)
        memcpy(fds, CMSG_DATA(header), sizeof(int) * count);
}

/* --- Mounts. --- */

static void bind_mount(const char *source, const char *target) {
    check(mount(source, target, NULL, MS_BIND, NULL), target);
}

static void write_protect(const char *place) {
    unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    check(mount(NULL, place, NULL, flags, NULL), place);
}

static void attach(int tree, const char *target) {
    check(move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH), target);
    close(tree);
}

/* options: name, value, name, value, NULL */
static int new_tmpfs(unsigned attributes, const char *const *options) {
    int context = check(fsopen("tmpfs", FSOPEN_CLOEXEC), "fsopen");
    for (; *options; options += 2)
        check(fsconfig(context, FSCONFIG_SET_STRING, options[0], options[1], 0), options[0]);
    check(fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "fsconfig");
    int tree = check(fsmount(context, FSMOUNT_CLOEXEC, attributes), "fsmount");
    close(context);
    return tree;
}

static void make_directory(int tree, const char *name, mode_t mode, uid_t owner) {
    check(mkdirat(tree, name, mode), name);
    check(fchownat(tree, name, owner, owner, 0), name);
    check(fchmodat(tree, name, mode, 0), name);
}

/* The container's writable layer and workspace: launcher.py, _make_writable. */
static int make_writable(void) {
    char id[16];
    snprintf(id, sizeof id, "%u", first_id);
    const char *options[] = {"mode", "0755", "uid", id, "gid", id, "size", DISK_BYTES, "nr_inodes", INODES, NULL};
    int tree = new_tmpfs(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, options);
    make_directory(tree, "empty", 0555, first_id);
    make_directory(tree, "upper", 0755, first_id);
    make_directory(tree, "work", 0755, first_id);
    make_directory(tree, "tmp", 01777, first_id);
    make_directory(tree, "shm", 01777, first_id);
    make_directory(tree, "workspace", 0755, first_id + PROGRAM_ID);
    int fd = check(openat(tree, "stat", O_WRONLY | O_CREAT | O_CLOEXEC, 0444), "stat");
    check(write(fd, statistics, strlen(statistics)), "stat");
    check(fchown(fd, first_id, first_id), "stat");
    close(fd);
    return tree;
}

/* Its own device nodes: layout.py, make_devices. */
static int make_devices(void) {
    const char *options[] = {"mode", "0755", NULL};
    unsigned guard = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    int tree = new_tmpfs(guard, options);
    mode_t mask = umask(0);
    for (size_t i = 0; i < LENGTH(devices); i++)
        check(mknodat(tree, devices[i].name, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)), "mknod");
    umask(mask);
    check(mkdirat(tree, "pts", 0755), "pts");
    check(mkdirat(tree, "shm", 0755), "shm");
    check(mkdirat(tree, "mqueue", 0755), "mqueue");
    for (size_t i = 0; i < LENGTH(links); i++)
        check(symlinkat(links[i].target, tree, links[i].name), "symlink");
    struct mount_attr attributes = {.attr_set = guard | MOUNT_ATTR_RDONLY};
    check(mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes), "mount_setattr");
    return tree;
}

/* --- Control groups. --- */

static void make_groups(const char *name, int *made) {
    for (int i = 0; i < group_count; i++) {
        check(mkdirat(groups[i], name, 0755), "a control group");
        made[i] = check(openat(groups[i], name, O_DIRECTORY | O_RDONLY | O_CLOEXEC), name);
    }
    if (cgroup_version == 2) {
        if (faccessat(made[0], "memory.swap.max", F_OK, 0) == 0)
            write_at(made[0], "memory.swap.max", "0");
        write_at(made[0], "memory.max", MEMORY_BYTES);
        write_at(made[0], "pids.max", PROCESSES);
        write_at(made[0], "cpu.weight", "100");
        return;
    }
    write_at(made[0], "memory.limit_in_bytes", MEMORY_BYTES);
    if (faccessat(made[0], "memory.memsw.limit_in_bytes", F_OK, 0) == 0)
        write_at(made[0], "memory.memsw.limit_in_bytes", MEMORY_BYTES);
    write_at(made[1], "cpu.shares", "1024");
    write_at(made[3], "pids.max", PROCESSES);
}

/* A thread that moves itself, and it alone, waits for nobody: cgroups/base.py, enter. */
static void open_entrances(const int *made, int *entrances) {
    for (int i = 0; cgroup_version == 1 && i < group_count; i++)
        entrances[i] = check(openat(made[i], "tasks", O_WRONLY | O_CLOEXEC), "tasks");
}

static void enter_groups(const int *entrances) {
    for (int i = 0; cgroup_version == 1 && i < group_count; i++)
        check(write(entrances[i], "0", 1), "tasks");
}

/* What an answer tells of it. */
static void read_usage(const int *made) {
    static const char *const of_v1[] = {"memory.max_usage_in_bytes", "cpu.stat", "cpuacct.usage", "pids.current"};
    static const char *const of_v2[] = {"memory.current", "cpu.stat", "memory.events", "pids.current"};
    char buffer[4096];
    for (size_t i = 0; i < LENGTH(of_v1); i++)
        read_at(made[cgroup_version == 1 ? i : 0], (cgroup_version == 1 ? of_v1 : of_v2)[i], buffer, sizeof buffer);
}

/* The kernel lets go of a group a moment after its last process is reaped, and there is no event for that: EBUSY. */
static void remove_groups(const char *name, const int *made) {
    for (int i = 0; i < group_count; i++) {
        while (unlinkat(groups[i], name, AT_REMOVEDIR) < 0)
            if (errno != EBUSY)
                fail("rmdir");
        close(made[i]);
    }
}

/* --- Inside: process 1 of the container. --- */

static void become(uid_t real, uid_t effective, gid_t group) {
    check(setgroups(0, NULL), "setgroups");
    check(setresgid(group, group, group), "setresgid");
    check(setresuid(real, effective, effective), "setresuid");
}

static int by_number(const void *one, const void *other) {
    return *(const int *)one - *(const int *)other;
}

/* But the standard streams: they are the program's own soon, and until then failures are told there. */
static void close_all_but(int *keep, size_t count) {
    unsigned low = 3;
    qsort(keep, count, sizeof *keep, by_number);
    for (size_t i = 0; i < count; i++) {
        if ((unsigned)keep[i] > low)
            check(close_range(low, keep[i] - 1, 0), "close_range");
        low = keep[i] + 1;
    }
    check(close_range(low, ~0U, 0), "close_range");
}

static void mount_root(int writable) {
    check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    attach(writable, "/c/writable");
    const char *options = "lowerdir=/c/image,upperdir=/c/writable/upper,workdir=/c/writable/work,userxattr";
    check(mount("overlay", "/c/root", "overlay", GUARD, options), "overlay");
    bind_mount("/c/writable/tmp", "/c/root/tmp");
    bind_mount("/c/writable/workspace", "/c/root/workspace");
}

static void mount_devices(int tree) {
    attach(tree, "/c/root/dev");
    const char *options = "newinstance,ptmxmode=0666,mode=0620,max=64,uid=1000";
    check(mount("devpts", "/c/root/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, options), "devpts");
    check(mount("mqueue", "/c/root/dev/mqueue", "mqueue", GUARD | MS_NOEXEC, NULL), "mqueue");
    bind_mount("/c/writable/shm", "/c/root/dev/shm");
}

/* What is not there is hidden already. A cover of the wrong kind would be refused, after a grace period of RCU. */
static void mask(const char *name, const char *cover) {
    char path[128];
    snprintf(path, sizeof path, "/c/root%s", name);
    if (mount(cover, path, NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
        fail(path);
}

static void mount_proc(void) {
    char path[128];
    check(mount("proc", "/c/root/proc", "proc", GUARD | MS_NOEXEC, "hidepid=2"), "proc");
    bind_mount("/c/writable/stat", "/c/root/proc/stat");
    write_protect("/c/root/proc/stat");
    bind_mount("/c/writable/empty", "/c/writable/empty");
    write_protect("/c/writable/empty");
    for (size_t i = 0; i < LENGTH(masked_files); i++)
        mask(masked_files[i], "/c/root/dev/null");
    for (size_t i = 0; i < LENGTH(masked_directories); i++)
        mask(masked_directories[i], "/c/writable/empty");
    for (size_t i = 0; i < LENGTH(read_only); i++) {
        snprintf(path, sizeof path, "/c/root%s", read_only[i]);
        if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) == 0)
            write_protect(path);
        else if (errno != ENOENT)
            fail(path);
    }
}

static void pivot(void) {
    check(chdir("/c/root"), "chdir");
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "umount2");
    check(chdir("/workspace"), "chdir");
}

static void forget_privileges(void) {
    for (int capability = 0; capability <= last_capability; capability++)
        check(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "PR_CAPBSET_DROP");
    check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "PR_CAP_AMBIENT");
    check(prctl(PR_SET_SECUREBITS, 0xEF, 0, 0, 0), "PR_SET_SECUREBITS"); /* all but KEEP_CAPS, each with its lock */
    become(PROGRAM_ID, INIT_ID, PROGRAM_ID);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    check(syscall(SYS_capset, &header, none), "capset");
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
    check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "PR_SET_DUMPABLE");
}

static void limit(int kind, rlim_t soft, rlim_t hard) {
    struct rlimit most;
    check(getrlimit(kind, &most), "getrlimit");
    if (hard > most.rlim_max)
        hard = most.rlim_max;
    struct rlimit limits = {.rlim_cur = soft < hard ? soft : hard, .rlim_max = hard};
    check(setrlimit(kind, &limits), "setrlimit");
}

static void allow_beneath(int ruleset, const char *path, uint64_t access) {
    int directory = check(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), path);
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = directory};
    check(syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0), "landlock_add_rule");
    close(directory);
}

/* steps.py, ACCESS. */
static void restrict_access(void) {
    if (landlock_abi < 2)
        return;
    uint64_t known = landlock_abi >= 5   ? (ACCESS_FS_IOCTL_DEV << 1) - 1
                     : landlock_abi >= 3 ? ACCESS_FS_IOCTL_DEV - 1
                                         : ACCESS_FS_TRUNCATE - 1;
    uint64_t look = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    uint64_t change = LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE;
    uint64_t make = LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER;
    uint64_t scoped = landlock_abi >= SCOPE_ABI ? SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL : 0;
    uint64_t attributes[3] = {known, 0, scoped}; /* files, network, scope */
    int ruleset = check(syscall(SYS_landlock_create_ruleset, attributes, sizeof attributes, 0), "landlock");
    allow_beneath(ruleset, "/", look & known);
    allow_beneath(ruleset, "/proc", change & known);
    allow_beneath(ruleset, "/dev", (change | ACCESS_FS_IOCTL_DEV) & known);
    allow_beneath(ruleset, "/workspace", (change | make) & known);
    allow_beneath(ruleset, "/tmp", (change | make) & known);
    allow_beneath(ruleset, "/dev/shm", (change | make) & known);
    allow_beneath(ruleset, "/dev/mqueue", (look | change | make) & known);
    check(syscall(SYS_landlock_restrict_self, ruleset, 0), "landlock_restrict_self");
    close(ruleset);
}

static void limit_program(void) {
    limit(RLIMIT_CPU, 11, 11);
    limit(RLIMIT_NPROC, 81, 81);
    limit(RLIMIT_FSIZE, 64 << 20, 64 << 20);
    limit(RLIMIT_STACK, 8 << 20, 8 << 20);
    limit(RLIMIT_NOFILE, 256, 256);
}

/* A vfork that becomes /bin/true, in a session of its own, as the program's user, with default signals. */
static pid_t start_program(const int *streams) {
    static char *const arguments[] = {"/bin/true", NULL}, *const environment[] = {"PATH=/usr/bin:/bin", NULL};
    sigset_t none;
    sigemptyset(&none);
    pid_t pid = vfork();
    if (pid == 0) {
        setsid();
        syscall(SYS_setresuid, PROGRAM_ID, PROGRAM_ID, PROGRAM_ID); /* the raw call: libc's would be for all threads */
        for (int number = 0; number < 3; number++)
            dup2(streams[number], number);
        for (int number = 1; number < NSIG; number++)
            signal(number, SIG_DFL);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(arguments[0], arguments, environment);
        _exit(127);
    }
    check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "PR_SET_DUMPABLE");
    return check(pid, "vfork");
}

/* steps.py, STEPS, and init.c; then wait for the word to start, run the program, and say what came of it. */
static void build(int sync, int control, int writable, int tree, int pidfd, const int *entrances) {
    int keep[] = {sync, control, writable, tree, pidfd}, image, io, streams[3], status;
    enter_groups(entrances);
    close_all_but(keep, LENGTH(keep));
    check(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "PR_SET_DUMPABLE");
    io = check(open("/proc/self/io", O_RDONLY | O_CLOEXEC), "/proc/self/io");
    receive_fds(sync, &image, 1);
    close(sync);
    attach(image, "/c/image");
    become(0, 0, 0);
    check(unshare(CLONE_NEWCGROUP), "CLONE_NEWCGROUP");
    check(sethostname("sandbox", 7), "sethostname");
    mount_root(writable);
    mount_devices(tree);
    mount_proc();
    pivot();
    forget_privileges();
    limit(RLIMIT_RTPRIO, 0, 0);
    limit(RLIMIT_NICE, 0, 0);
    limit(RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
    limit(RLIMIT_SIGPENDING, 4096, 4096);
    check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG");
    struct pollfd launcher = {.fd = pidfd, .events = POLLIN};
    if (poll(&launcher, 1, 0) != 0)
        _exit(1);
    restrict_access();
    int listener = check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter), "seccomp");
    send_fds(control, &listener, 1);
    close(listener);

    receive_fds(control, streams, 3);
    close(pidfd);
    limit_program();
    pid_t program = start_program(streams);
    for (int i = 0; i < 3; i++)
        close(streams[i]);
    while (check(waitpid(-1, &status, 0), "waitpid") != program)
        ;
    check(write(control, &status, sizeof status), "exited");
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    char buffer[512];
    check(pread(io, buffer, sizeof buffer, 0), "/proc/self/io");
    check(write(control, "", 1), "empty");
    check(read(control, buffer, 1), "control");
    _exit(0);
}

/* --- Outside. --- */

/* Whoever makes a user namespace owns it: credentials.py, acting_as. */
static pid_t clone_as(uid_t owner, int group, int *pidfd) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    struct clone_args arguments = {
        .flags = NEW_NAMESPACES | CLONE_PIDFD | (group < 0 ? 0 : CLONE_INTO_CGROUP),
        .pidfd = (uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = group < 0 ? 0 : group,
    };
    check(seteuid(owner), "seteuid");
    check(syscall(SYS_capget, &header, sets), "capget");
    sets[0].effective = sets[0].permitted;
    sets[1].effective = sets[1].permitted;
    check(syscall(SYS_capset, &header, sets), "capset");
    pid_t pid = check(syscall(SYS_clone3, &arguments, sizeof arguments), "clone3");
    if (pid != 0)
        check(seteuid(0), "seteuid");
    return pid;
}

static void give_identity(pid_t pid, int sync) {
    char path[64], line[64];
    snprintf(line, sizeof line, "0 %u %u\n", first_id, IDS);
    snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
    write_at(AT_FDCWD, path, line);
    snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
    write_at(AT_FDCWD, path, line);
    snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
    int userns = check(open(path, O_RDONLY | O_CLOEXEC), path);
    int image = check(open_tree(AT_FDCWD, "/images", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), "open_tree");
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_IDMAP, .userns_fd = userns};
    check(mount_setattr(image, "", AT_EMPTY_PATH, &attributes, sizeof attributes), "an id-mapped image");
    close(userns);
    send_fds(sync, &image, 1);
    close(image);
}

static void run_program(int control, const int *made) {
    int pipes[3][2], theirs[3], listener, status;
    receive_fds(control, &listener, 1);
    for (int i = 0; i < 3; i++) {
        check(pipe2(pipes[i], O_CLOEXEC), "pipe2");
        theirs[i] = pipes[i][i != 0];
    }
    send_fds(control, theirs, 3);
    for (int i = 0; i < 3; i++)
        close(theirs[i]);
    close(pipes[0][1]);
    if (check(read(control, &status, sizeof status), "exited") != sizeof status || status != 0) {
        fprintf(stderr, "floor: the program ended with status %#x\n", status);
        _exit(1);
    }
    char buffer[512];
    check(read(control, buffer, 1), "empty");
    for (int i = 1; i < 3; i++) {
        while (check(read(pipes[i][0], buffer, sizeof buffer), "output") > 0)
            ;
        close(pipes[i][0]);
    }
    read_usage(made);
    close(listener);
}

static void run_container(unsigned number) {
    char name[64];
    int made[MOST_GROUPS], entrances[MOST_GROUPS], sync[2], control[2], pidfd;
    snprintf(name, sizeof name, "%u.%u", first_id, number);
    int writable = make_writable(), tree = make_devices();
    make_groups(name, made);
    check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync), "socketpair");
    check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), "socketpair");
    open_entrances(made, entrances);
    pid_t pid = clone_as(first_id, cgroup_version == 2 ? made[0] : -1, &pidfd);
    if (pid == 0)
        build(sync[1], control[1], writable, tree, own_pidfd, entrances);
    close(sync[1]);
    close(control[1]);
    close(writable);
    close(tree);
    for (int i = 0; cgroup_version == 1 && i < group_count; i++)
        close(entrances[i]);
    give_identity(pid, sync[0]);
    close(sync[0]);
    run_program(control[0], made);
    check(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0), "pidfd_send_signal");
    check(waitpid(pid, NULL, 0), "waitpid");
    close(pidfd);
    close(control[0]);
    remove_groups(name, made);
}

/* --- Once, at the start. --- */

static void read_filter(const char *path) {
    static char program[65536];
    int fd = check(open(path, O_RDONLY | O_CLOEXEC), path);
    ssize_t length = check(read(fd, program, sizeof program), path);
    close(fd);
    filter.len = length / sizeof(struct sock_filter);
    filter.filter = (struct sock_filter *)program;
}

/* Process 1 of a pid namespace, as the launcher is: spawn.py. What is left here waits for it. */
static void enter_own_processes(void) {
    int status;
    check(unshare(CLONE_NEWPID), "CLONE_NEWPID");
    pid_t pid = check(fork(), "fork");
    if (pid == 0) {
        check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG");
        return;
    }
    check(waitpid(pid, &status, 0), "waitpid");
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* A root with nothing of the host in it, so that a container's mount namespace is a copy of little: layout.py, enter. */
static void enter_own_root(const char *image) {
    check(unshare(CLONE_NEWNS), "unshare");
    check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    int image_tree = check(open_tree(AT_FDCWD, image, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), image);
    int proc = check(open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), "/proc");
    const char *options[] = {"mode", "0755", "size", "1m", NULL};
    int root = new_tmpfs(MOUNT_ATTR_NOSUID, options);
    static const char *const directories[] = {"proc", "images", "c", "c/root", "c/image", "c/writable"};
    for (size_t i = 0; i < LENGTH(directories); i++)
        check(mkdirat(root, directories[i], 0755), directories[i]);
    check(move_mount(root, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH), "/proc");
    check(fchdir(root), "fchdir");
    close(root);
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "umount2");
    check(chdir("/"), "chdir");
    attach(image_tree, "/images");
    attach(proc, "/proc");
    check(mount("proc", "/proc", "proc", GUARD | MS_NOEXEC, NULL), "/proc");
}

static void read_kernel(void) {
    char buffer[65536];
    read_at(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", buffer, sizeof buffer);
    last_capability = atoi(buffer);
    landlock_abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    size_t used = snprintf(statistics, sizeof statistics, "cpu  0 0 0 0 0 0 0 0 0 0\n");
    for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN) && used < sizeof statistics - 64; cpu++)
        used += snprintf(statistics + used, sizeof statistics - used, "cpu%ld 0 0 0 0 0 0 0 0 0 0\n", cpu);
}

int main(int argc, char **argv) {
    if (argc < 6 || argc > 5 + MOST_GROUPS) {
        fprintf(stderr, "usage: floor ROOT FILTER FIRST_ID VERSION GROUP...\n");
        return 2;
    }
    first_id = strtoul(argv[3], NULL, 10);
    cgroup_version = atoi(argv[4]);
    group_count = argc - 5;
    for (int i = 0; i < group_count; i++)
        groups[i] = check(open(argv[5 + i], O_DIRECTORY | O_RDONLY | O_CLOEXEC), argv[5 + i]);
    read_filter(argv[2]);
    read_kernel();
    enter_own_processes();
    own_pidfd = check(syscall(SYS_pidfd_open, getpid(), 0), "pidfd_open");
    limit(RLIMIT_CORE, 1, 1);
    umask(022);
    setvbuf(stdout, NULL, _IOLBF, 0);
    enter_own_root(argv[1]);
    char turn;
    for (unsigned number = 0; read(0, &turn, 1) == 1; number++) {
        int64_t began = now_ns();
        run_container(number);
        printf("%lld\n", (long long)(now_ns() - began));
    }
    return 0;
}
