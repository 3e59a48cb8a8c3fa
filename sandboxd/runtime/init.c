/* Process 1 of a container, and the process that it is cloned from.
 *
 * The launcher starts this program once: the zygote. It has nothing in its memory, so that a clone of it costs next to nothing, and
 * it does one thing: for each order of the launcher's (zygote.py) it clones a process into new namespaces. That process does what one
 * message says, system call after system call (linux/script.py): the walls of a container, as steps.py has them, one after the other.
 * What fails is reported by the step's name, and ends it. Then it is a container's init: it waits for START, starts the program, reaps,
 * and reports (wire.py). Or it is a template (template.py), and the last of its calls is execve(2).
 *
 * A program inherits every wall from init, so that nothing has to be built between fork and exec. Process 1 ignores every signal from
 * inside its namespace for which it has no handler, and it has none; being undumpable it cannot be traced either.
 *
 * There is no C library in here. It trusts the launcher and the server, whose messages are made by our own code; what a client wrote
 * is in them as data only, at the end of a pointer, and nothing here looks into it but the look-up of a command in PATH. What comes
 * from a program it never reads.
 *
 * Linux 5.7: clone3(2) with CLONE_INTO_CGROUP.
 */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- The kernel's side that its headers for programs do not have. --- */

#define AF_RIGHTS 1 /* SCM_RIGHTS */
#define SOL_SOCKET 1
#define MSG_CTRUNC 0x8
#define MSG_TRUNC 0x20
#define MSG_NOSIGNAL 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000
#define EXECUTABLE 1 /* X_OK */
#define SIGNALS 64
#define LENGTH(array) (sizeof(array) / sizeof *(array))

struct message_header {
    void *name;
    int name_length;
    struct iovec *pieces;
    size_t piece_count;
    void *control;
    size_t control_length;
    int flags;
};

struct control_header {
    size_t length;
    int level, type;
};

/* What rt_sigaction(2) takes: SIG_DFL and nothing else. */
struct action {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

struct window {
    uint16_t rows, columns, width, height;
};

#if defined(__x86_64__)
static long call6(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall zygote\n");
#elif defined(__aarch64__)
static long call6(long number, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tbl zygote\n");
#else
#error "of this machine neither how it is called nor how it starts is known here"
#endif

#define CALL_OF(_0, a, b, c, d, e, f, ...) call6(__NR_##_0, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define CALL(...) CALL_OF(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static _Noreturn void leave(int status) {
    for (;;)
        CALL(exit_group, status);
}

/* The compiler makes calls of these by itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    unsigned char *target = to;
    const unsigned char *source = from;
    while (size--)
        *target++ = *source++;
    return to;
}

void *memset(void *to, int value, size_t size) {
    unsigned char *target = to;
    while (size--)
        *target++ = (unsigned char)value;
    return to;
}

static size_t length_of(const char *text) {
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

static int64_t clock_ns(int clock) {
    struct __kernel_timespec time;
    CALL(clock_gettime, clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* --- Messages with descriptors: unix(7), SCM_RIGHTS. --- */

#define MOST_FDS 32

struct rights {
    struct control_header header;
    int fds[MOST_FDS];
};

static void close_all(const int *fds, size_t count) {
    for (size_t index = 0; index < count; index++)
        CALL(close, fds[index]);
}

/* Receive a message; its descriptors are close-on-exec. Returns its length, 0 at the end, or what went wrong. */
static long receive(int socket, void *data, size_t size, int *fds, size_t *fd_count) {
    struct rights rights;
    struct iovec piece = {data, size};
    struct message_header message = {.pieces = &piece, .piece_count = 1, .control = &rights, .control_length = sizeof rights};
    *fd_count = 0;
    long length = CALL(recvmsg, socket, &message, MSG_CMSG_CLOEXEC);
    if (length <= 0)
        return length;
    if (message.control_length >= sizeof rights.header && rights.header.level == SOL_SOCKET && rights.header.type == AF_RIGHTS) {
        *fd_count = (rights.header.length - sizeof rights.header) / sizeof *fds;
        memcpy(fds, rights.fds, *fd_count * sizeof *fds);
    }
    if (message.flags & (MSG_TRUNC | MSG_CTRUNC)) {
        close_all(fds, *fd_count);
        *fd_count = 0;
        return message.flags & MSG_TRUNC ? -EMSGSIZE : -EMFILE;
    }
    return length;
}

/* Send a message of two pieces. The descriptors stay the sender's, too. */
static long send(int socket, const void *data, size_t size, const void *more, size_t more_size, const int *fds, size_t fd_count) {
    struct rights rights = {.header = {sizeof rights.header + fd_count * sizeof *fds, SOL_SOCKET, AF_RIGHTS}};
    struct iovec pieces[] = {{(void *)data, size}, {(void *)more, more_size}};
    struct message_header message = {.pieces = pieces, .piece_count = LENGTH(pieces)};
    if (fd_count) {
        memcpy(rights.fds, fds, fd_count * sizeof *fds);
        message.control = &rights;
        message.control_length = sizeof rights.header + (fd_count * sizeof *fds + 7) / 8 * 8;
    }
    return CALL(sendmsg, socket, &message, MSG_NOSIGNAL);
}

/* --- Scripts: linux/script.py has the other side of each structure. --- */

enum { NUMBER, ADDRESS, CELL }; /* what an argument is: itself; the address of a place in the message; the integer at one */
enum { LIMIT = -1, COPY = -2 }; /* calls of our own */

struct call {
    int16_t number;
    uint8_t count;           /* of arguments */
    uint8_t skip;            /* how many calls are left out after this one when it has succeeded */
    uint8_t kinds[6];        /* of arguments */
    uint8_t skip_after[2];   /* the same, when it has failed with ... */
    uint16_t tolerated[2];   /* ... these; 0: none */
    uint32_t step, object;   /* texts: what a failure is reported by, and what the call is about */
    uint32_t result;         /* the cell that takes it; 0: none */
    uint64_t arguments[];
} __attribute__((packed, aligned(4)));

struct script {
    uint32_t calls, end_of_calls; /* they are the last of it */
    uint32_t addresses, address_count; /* of the places in the message that hold the offset of another, for which its address is to stand */
    int32_t fds[MOST_FDS];             /* that came with the message, in this order */
};

/* What a process of a clone is told first. */
struct orders {
    struct script script;
    uint32_t control, program, account, listener; /* cells; 0: it has none. A template has only ``words`` */
    uint32_t words;                               /* cell of the descriptor where a template says what has failed, in words */
};

/* What START has in its memfd. */
struct start {
    struct script script;
    uint32_t arguments, environment, path; /* of the program: two arrays of pointers, and the text of PATH */
    uint16_t terminal, rows, columns, padding;
    uint32_t open_files, padding_too;
};

struct failure {
    long error; /* negative */
    const char *step, *object;
};

static int program_pid; /* of a template's fork that is the program; else 0, by which prlimit(2) means the caller */

/* Set a resource limit, soft and hard; one above the present hard limit is that one: raising it takes CAP_SYS_RESOURCE. */
static long limit(long resource, uint64_t value) {
    struct rlimit64 limits;
    long result = CALL(prlimit64, program_pid, resource, NULL, &limits);
    if (result < 0)
        return result;
    if (value > limits.rlim_max)
        value = limits.rlim_max;
    limits.rlim_cur = limits.rlim_max = value;
    return CALL(prlimit64, program_pid, resource, &limits, NULL);
}

/* Copy so many bytes, or all where that is negative, from an offset behind the script, which is the beginning of a file, to another file. */
static long copy(const struct script *script, long to, long from, int64_t offset, int64_t size) {
    offset += script->end_of_calls;
    int64_t end = size < 0 ? INT64_MAX : offset + size;
    while (offset < end) {
        long result = CALL(sendfile, to, from, &offset, end - offset);
        if (result < 0)
            return result;
        if (result == 0)
            return size < 0 ? 0 : -EIO;
    }
    return 0;
}

static long argument(unsigned char *base, const struct call *call, int index) {
    if (index >= call->count)
        return 0;
    uint64_t value = call->arguments[index];
    switch (call->kinds[index]) {
    case ADDRESS:
        return (long)(base + value);
    case CELL:
        return *(int32_t *)(base + value);
    default:
        return (long)value;
    }
}

static long perform(unsigned char *base, const struct call *call) {
    long a[LENGTH(call->kinds)];
    for (int index = 0; index < (int)LENGTH(a); index++)
        a[index] = argument(base, call, index);
    switch (call->number) {
    case LIMIT:
        return limit(a[0], (uint64_t)a[1]);
    case COPY:
        return copy((struct script *)base, a[0], a[1], a[2], a[3]);
    default:
        return call6(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
}

/* How many calls are left out after a result; -1 where it is a failure. */
static int leave_out(const struct call *call, long result) {
    if (result >= 0)
        return call->skip;
    for (int index = 0; index < (int)LENGTH(call->tolerated); index++)
        if (call->tolerated[index] == -result)
            return call->skip_after[index];
    return -1;
}

/* Make all calls. Returns what failed; an error of 0 where nothing did. */
static struct failure run(unsigned char *base) {
    struct script *script = (struct script *)base;
    uint32_t *addresses = (uint32_t *)(base + script->addresses);
    for (uint32_t index = 0; index < script->address_count; index++)
        *(uint64_t *)(base + addresses[index]) += (uint64_t)base;
    int left_out = 0;
    const struct call *call;
    for (uint32_t place = script->calls; place < script->end_of_calls;
         place += sizeof *call + call->count * sizeof *call->arguments) {
        call = (const struct call *)(base + place);
        if (left_out) {
            left_out--;
            continue;
        }
        long result = perform(base, call);
        left_out = leave_out(call, result);
        if (left_out < 0)
            return (struct failure){result, (char *)base + call->step, call->object ? (char *)base + call->object : ""};
        if (call->result)
            *(int32_t *)(base + call->result) = (int32_t)result;
    }
    return (struct failure){0, "", ""};
}

/* --- A container's init. --- */

enum { READY = 1, FAILED, STARTED, NOT_EXECUTABLE, EXITED, EMPTY, BUILT }; /* wire.FromInit */
#define READING "receive_program"
#define STARTING "start_program"
#define MOST_DIRECTORIES 1024
#define MOST_PATH 4096 /* PATH_MAX, with its NUL */

struct report {
    uint8_t kind;
    int64_t numbers[7];
} __attribute__((packed));

static int control = -1, program = -1, account = -1;

/* What the server does not hear it cannot supervise: then this process ends, and the container with it. unix(7), ETOOMANYREFS. */
static void tell(struct report report, const int *fds, size_t fd_count) {
    if (send(control, &report, sizeof report, NULL, 0, fds, fd_count) < 0)
        leave(1);
}

/* Report a step that failed, with what it was about, and end. The program did not run. */
static _Noreturn void give_up(struct failure failure) {
    struct report report = {FAILED, {-failure.error}};
    char text[256];
    size_t step = length_of(failure.step), object = length_of(failure.object);
    if (step > sizeof text / 2)
        step = sizeof text / 2;
    if (object > sizeof text - 1 - step)
        object = sizeof text - 1 - step;
    memcpy(text, failure.step, step);
    text[step] = 0;
    memcpy(text + step + 1, failure.object, object);
    send(control, &report, sizeof report, text, step + 1 + object, NULL, 0);
    leave(1);
}

/* Return the number of the digits that a text begins with, and where they end. */
static uint64_t parse(const char **text) {
    uint64_t number = 0;
    while (**text >= '0' && **text <= '9')
        number = number * 10 + (uint64_t)(*(*text)++ - '0');
    return number;
}

/* Where a template's fork is to be the program, wait until it stands behind the same walls. It has a filter of its own. */
static int await_program(void) {
    struct failure failure = {-ECONNRESET, "await_program", "join"};
    char text[128];
    int fds[MOST_FDS];
    size_t fd_count;
    tell((struct report){BUILT, {0}}, NULL, 0);
    long length = receive(program, text, sizeof text - 1, fds, &fd_count);
    if (length <= 0)
        give_up(failure);
    text[length] = 0;
    const char *rest = text;
    long error = (long)(parse(&rest) & 0xfff);
    if (rest != text) {
        failure.error = -error;
        failure.object = *rest ? rest + 1 : rest;
        give_up(failure);
    }
    while (*rest && *rest != ' ')
        rest++;
    if (*rest)
        rest++;
    program_pid = (int)parse(&rest);
    if (!program_pid || fd_count != 1)
        give_up(failure);
    return fds[0];
}

/* The bytes that this process and all that it has reaped read and wrote: rchar and wchar of /proc/PID/io. -1: the kernel has no account. */
static void read_account(int64_t bytes[2]) {
    char text[512];
    bytes[0] = bytes[1] = -1;
    if (account < 0)
        return;
    long length = CALL(pread64, account, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = 0;
    const char *rest = text;
    for (int index = 0; index < 2; index++) {
        while (*rest && (*rest < '0' || *rest > '9'))
            rest++;
        bytes[index] = (int64_t)parse(&rest);
    }
}

static int64_t own_cpu_us(int64_t since_ns) {
    return (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - since_ns) / 1000;
}

static bool exists(const char *path, struct stat *status) {
    return CALL(newfstatat, AT_FDCWD, path, status, 0) == 0;
}

/* Look a command up in PATH as execvp(3) does; what is not there becomes a path that is not there.
 *
 * In its first 1,024 directories: the program's clocks do not run yet. */
static const char *find(const char *name, const char *path) {
    static char candidate[2 * MOST_PATH];
    static const char nowhere[] = "/nonexistent/";
    size_t size = length_of(name) + 1;
    if (size > MOST_PATH)
        return name; /* which is too long, as the kernel will say */
    for (const char *letter = name; *letter; letter++)
        if (*letter == '/')
            return name;
    for (int count = 0; count < MOST_DIRECTORIES; count++) {
        struct stat status;
        size_t length = 0;
        while (path[length] && path[length] != ':')
            length++;
        if (length < MOST_PATH) {
            memcpy(candidate, length ? path : ".", length ? length : 1);
            size_t end = length ? length : 1;
            candidate[end] = '/';
            memcpy(candidate + end + 1, name, size);
            if (exists(candidate, &status) && (status.st_mode & S_IFMT) == S_IFREG
                && CALL(faccessat, AT_FDCWD, candidate, EXECUTABLE) == 0)
                return candidate;
        }
        if (!path[length])
            break;
        path += length + 1;
    }
    memcpy(candidate, nowhere, sizeof nowhere - 1);
    memcpy(candidate + sizeof nowhere - 1, name, size);
    return candidate;
}

/* Make a pseudo-terminal of the container's own. Returns its master, and the other side as a stream. */
static int open_terminal(const struct start *start, int *stream) {
    struct failure failure = {0, STARTING, "/dev/ptmx"};
    struct window window = {start->rows, start->columns, 0, 0};
    int locked = 0;
    long master = failure.error = CALL(openat, AT_FDCWD, failure.object, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || (failure.error = CALL(ioctl, master, TIOCSPTLCK, &locked)) < 0
        || (failure.error = CALL(ioctl, master, TIOCSWINSZ, &window)) < 0
        || (failure.error = CALL(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
        give_up(failure);
    *stream = (int)failure.error;
    return (int)master;
}

/* What keeps a new process from the program's exec: errors. */
struct obstacle {
    int before_exec, exec;
};

/* In the new process: become the program, in a session of its own, with its user's ids, and no signal blocked. None is ignored (zygote).
 *
 * It has init's memory until the exec, stack and all, so it is not inlined: its variables must not take the place of the caller's. */
static __attribute__((noinline)) _Noreturn void become_program(const struct start *start, const char *path, const int streams[3], volatile struct obstacle *obstacle) {
    unsigned char *base = (unsigned char *)start;
    static const uint64_t none;
    int moved[3];
    long user = CALL(getuid), result = CALL(setsid);
    if (result >= 0)
        result = CALL(setresuid, user, user, user);
    if (result >= 0) /* init's memory would be what fs.suid_dumpable says now (proc(5)) */
        result = CALL(prctl, PR_SET_DUMPABLE, 0);
    for (int number = 0; number < 3 && result >= 0; number++) /* out of the way of what is given now */
        moved[number] = (int)(result = streams[number] >= 3 ? streams[number] : CALL(fcntl, streams[number], F_DUPFD_CLOEXEC, 3));
    for (int number = 0; number < 3 && result >= 0; number++)
        result = CALL(dup3, moved[number], number, 0);
    if (result >= 0) /* here, and not before: by its own limit the kernel would keep init from sending descriptors (unix(7), ETOOMANYREFS) */
        result = limit(RLIMIT_NOFILE, start->open_files);
    if (result >= 0 && start->terminal)
        result = CALL(ioctl, 0, TIOCSCTTY, 0);
    if (result >= 0)
        result = CALL(rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
    if (result < 0) {
        obstacle->before_exec = (int)-result;
        leave(1);
    }
    obstacle->exec = (int)-CALL(execve, path, base + start->arguments, base + start->environment);
    leave(1);
}

/* Start the program and say so; 0 when it cannot be exec'ed, which is said too. */
static int release(const struct start *start, int *streams, int64_t since_ns) {
    unsigned char *base = (unsigned char *)start;
    struct failure failure = {0, STARTING, ""};
    int passed[2], pidfd = -1;
    size_t passed_count = 1;
    if (start->terminal) {
        passed[passed_count++] = open_terminal(start, &streams[0]);
        streams[1] = streams[2] = streams[0];
    }
    const char *path = find(*(char **)(base + start->arguments), (char *)base + start->path);
    static volatile struct obstacle obstacle; /* of this process and that one */
    int64_t began_ns = clock_ns(CLOCK_MONOTONIC);
    /* This process waits for the exec, so that it can tell what came of it, and lends its memory, so that none is copied. */
    long pid = failure.error = CALL(clone, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, 0, &pidfd);
    if (pid == 0)
        become_program(start, path, streams, &obstacle);
    if (pid > 0)
        failure.error = -obstacle.before_exec;
    /* Nothing is wrong with a program for which there is no process, no descriptor, or no block of the image to be had. */
    int error = obstacle.exec;
    if (failure.error >= 0 && (error == EAGAIN || error == ENFILE || error == EIO))
        failure.error = -error;
    if (failure.error < 0) {
        failure.object = path;
        give_up(failure);
    }
    if (error) {
        struct stat status;
        tell((struct report){NOT_EXECUTABLE, {error, exists(path, &status)}}, NULL, 0);
        return 0;
    }
    passed[0] = pidfd;
    tell((struct report){STARTED, {began_ns, own_cpu_us(since_ns)}}, passed, passed_count);
    if (start->terminal)
        CALL(close, streams[0]);
    close_all(passed, passed_count);
    return (int)pid;
}

/* Let a template's fork go on, and say so. */
static int release_fork(const struct start *start, const int *streams, size_t stream_count, int64_t since_ns) {
    struct failure failure = {0, STARTING, ""};
    int pidfd = (int)(failure.error = CALL(pidfd_open, program_pid, 0));
    if (pidfd < 0 || (failure.error = limit(RLIMIT_NOFILE, start->open_files)) < 0)
        give_up(failure);
    int64_t began_ns = clock_ns(CLOCK_MONOTONIC);
    failure.error = send(program, "start", 5, NULL, 0, streams, stream_count);
    if (failure.error < 0)
        give_up(failure);
    tell((struct report){STARTED, {began_ns, own_cpu_us(since_ns)}}, &pidfd, 1);
    CALL(close, program);
    CALL(close, pidfd);
    return program_pid;
}

/* Map what START has in its memfd: privately, for pointers are put into it. */
static struct start *map(int fd, size_t *size) {
    struct failure failure = {0, READING, ""};
    struct stat status;
    if ((failure.error = CALL(newfstatat, fd, "", &status, AT_EMPTY_PATH)) < 0)
        give_up(failure);
    *size = status.st_size;
    failure.error = CALL(mmap, NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (failure.error < 0 && failure.error > -4096)
        give_up(failure);
    return (struct start *)failure.error;
}

/* Wait for START, release the program, reap as process 1 must until it has ended, and end what it has left. */
static void serve(void) {
    char word[16];
    int fds[MOST_FDS], pid, status = 0;
    size_t fd_count;
    int64_t before[2], after[2], since_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    long length = receive(control, word, sizeof word, fds, &fd_count);
    if (length < 0)
        give_up((struct failure){length, READING, ""});
    if (length == 0 || fd_count < 1)
        return; /* the server is gone: so are we */
    size_t size;
    struct start *start = map(fds[0], &size);
    start->script.fds[0] = fds[0];
    struct failure failure = run((unsigned char *)start);
    if (failure.error)
        give_up(failure);
    CALL(close, fds[0]);
    read_account(before);
    if (program < 0)
        pid = release(start, fds + 1, since_ns);
    else
        pid = release_fork(start, fds + 1, fd_count - 1, since_ns);
    CALL(munmap, start, size); /* which has the contents of all files */
    if (!pid)
        return;
    close_all(fds + 1, fd_count - 1);
    for (long reaped = 0; reaped != pid;) /* a template's fork may have named whom it liked */
        if ((reaped = CALL(wait4, -1, &status, 0, NULL)) < 0)
            leave(1);
    int64_t ended_ns = clock_ns(CLOCK_MONOTONIC);
    if (CALL(wait4, -1, NULL, WNOHANG, NULL) != -ECHILD) /* what it has left takes a while to end */
        tell((struct report){EXITED, {status, ended_ns}}, NULL, 0);
    CALL(kill, -1, SIGKILL); /* no fork escapes a kill of everybody (kill(2)) */
    while (CALL(wait4, -1, NULL, 0, NULL) > 0)
        ;
    struct rusage usage;
    CALL(getrusage, RUSAGE_CHILDREN, &usage);
    read_account(after);
    if (account >= 0) {
        after[0] -= before[0];
        after[1] -= before[1];
    }
    tell((struct report){EMPTY, {status, ended_ns, usage.ru_nvcsw, usage.ru_nivcsw, after[0], after[1], own_cpu_us(since_ns)}}, NULL, 0);
    receive(control, word, sizeof word, fds, &fd_count); /* the server kills this process, or ends and is heard here */
}

/* --- A clone of the zygote. --- */

#define MOST_MESSAGE (256 * 1024) /* more than a socket takes, unless somebody has raised net.core.wmem_default */

static int cell(unsigned char *base, uint32_t place) {
    return place ? *(int32_t *)(base + place) : -1;
}

/* Say in words which step failed, where the server looks for what a template says. */
static _Noreturn void say(int words, struct failure failure) {
    char number[5] = "0000";
    for (long digit = 3, rest = -failure.error; digit >= 0; digit--, rest /= 10)
        number[digit] = (char)('0' + rest % 10);
    struct iovec pieces[] = {
        {(void *)failure.step, length_of(failure.step)},     {": error ", 8}, {number, 4}, {": ", 2},
        {(void *)failure.object, length_of(failure.object)},
    };
    CALL(writev, words, pieces, failure.object[0] ? LENGTH(pieces) : LENGTH(pieces) - 2);
    leave(1);
}

static _Noreturn void be(int sync) {
    static unsigned char message[MOST_MESSAGE] __attribute__((aligned(16)));
    struct orders *orders = (struct orders *)message;
    size_t fd_count;
    /* Nothing of others' stays open: their sockets are the zygote's, too, at some time. */
    if (CALL(dup3, sync, 0, O_CLOEXEC) < 0 || CALL(close_range, 1, ~0U, 0) < 0)
        leave(1);
    int fds[MOST_FDS];
    if (receive(0, message, sizeof message, fds, &fd_count) <= 0)
        leave(1); /* the launcher could not do its part, and has told it */
    CALL(close, 0);
    memcpy(orders->script.fds, fds, fd_count * sizeof *fds);
    control = cell(message, orders->control);
    program = cell(message, orders->program);
    account = cell(message, orders->account);
    struct failure failure = run(message);
    if (orders->words) /* all went well, and execve(2) failed, or something did before it */
        say(cell(message, orders->words), failure);
    if (failure.error)
        give_up(failure);
    int listener = program < 0 ? cell(message, orders->listener) : await_program();
    if (listener < 0)
        give_up((struct failure){-EINVAL, "report_ready", "the kernel gave no seccomp listener"});
    tell((struct report){READY, {0}}, &listener, 1);
    CALL(close, listener);
    serve();
    leave(1);
}

/* --- The zygote. --- */

#define LAUNCHER 3

struct order {
    uint64_t namespaces; /* clone(2)'s flags */
    uint32_t owner;      /* who makes them; whoever makes a user namespace owns it, and its kernel objects count as the owner's too */
    uint8_t network, cgroup, padding[2]; /* whether there is a descriptor of each, after the clone's own socket */
};

static int own_network;

/* Raise what is permitted: a change to another effective user empties the effective set (capabilities(7)). */
static long raise_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    long result = CALL(capget, &header, sets);
    sets[0].effective = sets[0].permitted;
    sets[1].effective = sets[1].permitted;
    return result < 0 ? result : CALL(capset, &header, sets);
}

/* Clone as the order says. Returns the process id, or the error. */
static long clone_as(const struct order *order, const int *fds, int *pidfd) {
    struct clone_args arguments = {
        .flags = order->namespaces | CLONE_PARENT | CLONE_PIDFD, /* the launcher's child: it reaps */
        .pidfd = (uint64_t)pidfd,
    };
    const int *next = fds + 1;
    int network = order->network ? *next++ : -1;
    if (order->cgroup) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)*next++;
    }
    long result = CALL(setresuid, -1, order->owner, -1);
    if (result >= 0) /* whatever fs.suid_dumpable says (proc(5)), and so is what is cloned now */
        result = CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (result >= 0)
        result = raise_capabilities();
    if (result >= 0 && network >= 0)
        result = CALL(setns, network, CLONE_NEWNET);
    if (result >= 0)
        result = CALL(clone3, &arguments, sizeof arguments);
    if (result == 0)
        be(fds[0]);
    /* The way back, without which whatever is cloned next would be somebody else's. */
    if (CALL(setresuid, -1, 0, -1) < 0 || (network >= 0 && CALL(setns, own_network, CLONE_NEWNET) < 0))
        leave(1);
    if (result < 0)
        *pidfd = -1; /* the kernel may have written one that it took back */
    return result;
}

__attribute__((used)) _Noreturn void zygote(void) {
    struct order order;
    int fds[MOST_FDS];
    size_t fd_count;
    int ready = 0;
    static const struct action by_default;
    CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    /* Python ignores some, and posix_spawn(3) two of the C library's own. What comes of this process starts without that. */
    for (int number = 1; number <= SIGNALS; number++)
        CALL(rt_sigaction, number, &by_default, NULL, sizeof by_default.mask);
    CALL(fcntl, LAUNCHER, F_SETFD, FD_CLOEXEC);
    own_network = (int)CALL(openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own_network < 0 || send(LAUNCHER, &ready, sizeof ready, NULL, 0, NULL, 0) < 0)
        leave(1);
    for (;;) {
        long length = receive(LAUNCHER, &order, sizeof order, fds, &fd_count);
        if (length == 0)
            leave(0);
        int pidfd = -1, answer = -EPROTO;
        if (length < 0)
            answer = (int)length;
        else if (length == sizeof order && fd_count == 1U + order.network + order.cgroup)
            answer = (int)clone_as(&order, fds, &pidfd);
        close_all(fds, fd_count);
        if (send(LAUNCHER, &answer, sizeof answer, NULL, 0, &pidfd, pidfd >= 0) < 0)
            leave(1);
        if (pidfd >= 0)
            CALL(close, pidfd);
    }
}
