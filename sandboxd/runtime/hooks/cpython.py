"""Where a CPython waits to be a template: where it asks what can be imported from main.py, which might be an archive.

Everything is loaded then, and main.py not yet looked at. Here the interpreter waits; for each container it forks; and in
the fork, once the program is to run, the answer is looked for, as CPython would have done. From there on it goes its own way, so that
there is nothing of a run to imitate. If the image has a ``sitecustomize`` or ``usercustomize``, which may do whatever it likes, or if the program
is no file, it waits before that, where ``site`` asks for those, last of all.

It is put in the way as a .pth file, which ``site`` executes; or as ``sitecustomize.py``, which has importlib compile it: that makes the
120 classes of ``ast`` in each template.

Runs in the image's interpreter, whichever that is (3.9 or newer, with ``_ctypes`` and ``_socket``), so it imports nothing of
sandboxd, and of the library what leaves no trace. ``runtime/template.py`` has what is said on the sockets, and why each call is made.
"""

import sys

__builtins__ = dict(
    vars(sys.modules["builtins"])
)  # what is defined here does not ask those that a program may put there
before = set(sys.modules)
import _ctypes
import _socket
import _thread
import _warnings
import _weakref
import gc
import posix

# Whoever imports them, a program or what the manifest preloads, has them all the same.
for name in set(sys.modules) - before:
    del sys.modules[name]
LAUNCHER, SERVER = 3, 4
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS = 4, 24, 28, 38
PR_SET_CHILD_SUBREAPER, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 36, 47, 4
LINUX_CAPABILITY_VERSION_3 = 0x20080522
SIGKILL = 9
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_RULE_PATH_BENEATH = 1
SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER = 1, 8
POLLIN = 1
PAGE_BYTES = posix.sysconf("SC_PAGE_SIZE")
PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_PRIVATE, MAP_ANONYMOUS = 2, 0x20
PY_MOD_EXEC = 2
OBJECT_BYTES = 16  # struct PyObject, but of builds without the interpreter's lock, and of some for debugging
MODULE_DEF_SLOTS, SLOT_VALUE = 72, 8  # in struct PyModuleDef, m_slots; in struct PyModuleDef_Slot, value
# A function for such a slot, and behind it three addresses: the slot's, of what has been in it, of gc.unfreeze. It puts the second
# back, calls the third, and goes on in the second.
UNFREEZE = {
    "x86_64": "57 488b0520000000 488b0d21000000 488908 31f6 ff151e000000 5f ff250f000000 0f1f8000000000",
    "aarch64": "fd7bbea9 fd030091 e00b00f9 68010058 89010058 090100f9 e1031faa"
    "68010058 00013fd6 e00b40f9 fd7bc2a8 a9000058 20011fd6 1f2003d5",
}
# A function for the unwinder to call with each frame, and with what is at the address it was given: where to write next, where to stop, and pairs of
# another function and a number, up to a 0. It calls each with the frame and the number, and writes what it returns.
NOTE = {
    "x86_64": "53 55 4154 4889fb 4889f5 4c8d6610 498b0424 4885c0 741c 4889df 498b742408 ffd0 488b4d00 488901 4883450008 4983c410 ebdb"
    "31c0 488b4d00 483b4d08 0f93c0 415c 5d 5b c3",
    "aarch64": "fd7bbda9 fd030091 f35301a9 f51300f9 f30300aa f40301aa 35400091 a906c1a8 e90000b4 e00313aa 20013fd6 890240f9 208500f8 890200f9"
    "f9ffff17 892a40a9 3f010aeb e0379f1a f51340f9 f35341a9 fd7bc3a8 c0035fd6",
}
# What a caller finds again: where ucontext_t has the program counter, the stack's pointer, and registers by the numbers that the unwinder has for them.
FOUND_AGAIN = {
    "x86_64": (168, 160, {3: 128, 6: 120, 12: 72, 13: 80, 14: 88, 15: 96}),
    "aarch64": (440, 432, {number: 184 + 8 * number for number in range(19, 30)}),
}
CONTEXT_BYTES = 5120  # more than ucontext_t has
JUMPS, MOST_BEFORE_JUMP = b"\xe8\xe9", 64  # of x86_64: call and jmp, with how far in the four bytes that follow
MOST_FRAMES = 32  # that are looked at: there are some fifteen
S_IFMT, S_IFDIR, S_IFIFO = 0o170000, 0o040000, 0o010000
MOST_FDS = 16
INT_MASK = 0xFFFFFFFF
SOCK_FPROG_PADDING = bytes(6)
FUNCTION, BUILTIN, REFERENCE = type(lambda: None), type(len), _weakref.ReferenceType
TEXT = type(sys.__stderr__)
PROXIES = _weakref.ProxyType, _weakref.CallableProxyType
bases_of, namespace_of, module_of = (type.__dict__[name].__get__ for name in ("__mro__", "__dict__", "__module__"))
callback_of = REFERENCE.__dict__["__callback__"].__get__
# A program may put others in their places.
is_finalizing, references_to, allocated_blocks = sys.is_finalizing, sys.getrefcount, sys.getallocatedblocks
# Modules whose objects write when they go, or call somebody, though they have no finalizer.
CLOSERS = "sqlite3", "_sqlite3", "_dbm", "_gdbm", "_lsprof"
KEEPERS = (  # of abstract classes' caches, of threads' own variables, of weakref's sets and dictionaries, of logging's handlers
    "ReferenceType._destroy",
    "ReferenceType._localdummy_destroyed",
    "WeakSet.__init__.<locals>._remove",
    "WeakKeyDictionary.__init__.<locals>.remove",
    "WeakValueDictionary.__init__.<locals>.remove",
    "_removeHandlerRef",
)
STDLIB = frozenset(getattr(sys, "stdlib_module_names", ()))  # is of 3.10
UNKNOWN = "ctypes", "_ctypes", *CLOSERS  # modules that leave what the collector does not know, and is missed
LIBRARIES = b"/lib", b"/usr/", sys.base_prefix.encode()
OBJECT_NAME, NEXT_OBJECT = 8, 24  # in struct link_map of dlinfo(3), which a handle of dlopen(3) is
MOST_BLOCKS = 20_000  # of some 5,000 objects: to look at more takes longer than what is spared by that


class Long(_ctypes._SimpleCData):
    """A C long."""

    _type_ = "l"


WORD_BYTES = _ctypes.sizeof(Long)


class Byte(_ctypes._SimpleCData):
    """A C char."""

    _type_ = "c"


class Text(_ctypes._SimpleCData):
    """A C string."""

    _type_ = "z"


class Function(_ctypes.CFuncPtr):
    """A function of the C library that returns a long or an int, and sets errno."""

    _flags_ = 1 | 4 | 8  # FUNCFLAG_CDECL, FUNCFLAG_PYTHONAPI (keeps the interpreter's lock), FUNCFLAG_USE_ERRNO
    _restype_ = Long


# Looked up once: there is a lock in that, which a process must not take while another of its memory ends (see ``enter``).
LIBRARY = _ctypes.dlopen(None, 0)
FUNCTIONS = {
    name: Function(_ctypes.dlsym(LIBRARY, name))
    for name in (
        *("capset", "mmap", "mprotect", "poll", "prctl", "setns", "syscall", "vfork"),
        *("PyCFunction_GetFunction", "PyModule_GetDef", "PyObject_GC_Track", "PyObject_GC_UnTrack"),
        *("PyInterpreterState_Head", "PyInterpreterState_Main"),
    )
}


def call(name, *arguments):
    """Call a function of the C library; integers are passed as longs, bytes as pointers. OSError where it fails."""
    result = FUNCTIONS[name](*[Long(value) if isinstance(value, int) else value for value in arguments])
    if result & INT_MASK == INT_MASK:  # -1, though of an int only 32 bits are there
        raise OSError(_ctypes.get_errno(), name)
    return result


def packed(size, *values):
    """Return integers as C has them, so many bytes each."""
    return b"".join([value.to_bytes(size, sys.byteorder) for value in values])


def seqpacket(fd):
    """Return the socket of a descriptor."""
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fd)


def receive(sock):
    """Receive a message: its text and its descriptors. No text is the end."""
    text, ancillary, _, _ = sock.recvmsg(1 << 17, _socket.CMSG_SPACE(MOST_FDS * 4), _socket.MSG_CMSG_CLOEXEC)
    fds = []
    for _, _, payload in ancillary:
        fds += [int.from_bytes(payload[i : i + 4], sys.byteorder) for i in range(0, len(payload), 4)]
    return text.decode(), fds


class Config:
    """What a template is told once: lines of a name and a value."""

    def __init__(self, text):
        self.rules, self.preload = [], []
        for line in text.splitlines():
            name, _, value = line.partition(" ")
            if name == "rule":
                access, _, path = value.partition(" ")
                self.rules.append((int(access), path))
            elif name == "preload":
                self.preload.append(value)
            elif name == "directory":
                self.directory = value
            elif name in ("filter", "landlock"):
                setattr(self, name, bytes.fromhex(value))
            else:
                setattr(self, name, int(value))


def become_the_program(config):
    """Take on the container's user, in a session of its own, with no privilege and no way to one."""
    posix.setsid()
    for capability in range(config.capabilities):
        call("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0)
    call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    call("prctl", PR_SET_SECUREBITS, config.securebits, 0, 0, 0)
    setgroups = posix.open("/proc/self/setgroups", posix.O_RDONLY | posix.O_CLOEXEC)
    if posix.read(setgroups, 16) != b"deny\n":
        posix.setgroups([])
    posix.close(setgroups)
    posix.setresgid(config.gid, config.gid, config.gid)
    posix.setresuid(config.uid, config.uid, config.uid)
    call("capset", packed(4, LINUX_CAPABILITY_VERSION_3, 0), bytes(24))
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def restrict_access(config):
    """Have the Landlock rules of a program that init starts; none where the kernel has no Landlock."""
    if not config.landlock:
        return
    ruleset = call("syscall", LANDLOCK_CREATE_RULESET, config.landlock, len(config.landlock), 0)
    for access, path in config.rules:
        directory = posix.open(path, posix.O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
        rule = packed(8, access) + packed(4, directory)
        call("syscall", LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0)
        posix.close(directory)
    call("syscall", LANDLOCK_RESTRICT_SELF, ruleset, 0)
    posix.close(ruleset)


def filter_system_calls(config):
    """Load the policy's filter and return the descriptor of its notifications."""
    program = (Byte * len(config.filter)).from_buffer_copy(config.filter)
    sock_fprog = packed(2, len(config.filter) // 8) + SOCK_FPROG_PADDING + packed(8, _ctypes.addressof(program))
    flags = SECCOMP_FILTER_FLAG_NEW_LISTENER
    return call("syscall", config.seccomp, SECCOMP_SET_MODE_FILTER, flags, sock_fprog)


def word_at(address):
    """Return the integer at an address."""
    return Long.from_address(address).value


def executable(function):
    """Return where a function of so many bytes can be called."""
    place = call("mmap", 0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    (Byte * len(function)).from_address(place).raw = function
    call("mprotect", place, PAGE_BYTES, PROT_READ | PROT_EXEC)
    return place


def unfreeze_at_import():
    """Have ``gc.unfreeze`` called at the next import of ``gc``, once: its module's initialization (PEP 489) is put behind a function that does.

    Returns what tells whether that is still to come; nothing where it cannot be done.
    """
    code = UNFREEZE.get(posix.uname().machine)
    slots = word_at(FUNCTIONS["PyModule_GetDef"](Long(id(gc))) + MODULE_DEF_SLOTS)  # 3.9 and before have none
    if not code or object.__basicsize__ != OBJECT_BYTES or not slots or word_at(slots) != PY_MOD_EXEC:
        return None
    slot = Long.from_address(slots + SLOT_VALUE)
    unfreeze = FUNCTIONS["PyCFunction_GetFunction"](Long(id(gc.unfreeze)))
    function = bytes.fromhex(code) + packed(8, _ctypes.addressof(slot), slot.value, unfreeze)
    slot.value = place = executable(function)
    return lambda: slot.value == place


class Knot:
    """Something that refers to itself, so that the collector finds it."""

    def __init__(self):
        self.own = self


class Aside:
    """What is loaded, which the collector passes over until the program imports ``gc``.

    For when an interpreter ends, it looks at each container three times, and clears all modules, which is to write to each page with
    something that they name. ``__main__``, which is the program's, is left to it. When it takes one after the other out of ``sys.modules``,
    ``site`` goes, to which nobody refers else: after ``__main__``, and before whatever the program has imported. Then it is seen whether
    there is anything yet that would be missed, for something that is loaded may hold what is the program's. If so, all is the collector's again, and
    goes on as ever; and if there is nothing at all, the interpreter has ended.
    """

    def __init__(self, is_untouched):
        """``is_untouched`` tells whether no interpreter has imported ``gc`` yet."""
        self.is_untouched = is_untouched
        modules = sys.modules
        modules.pop("gc", None)  # of what was preloaded: the program's is initialized anew
        modules["site"] = site = modules.pop("site")
        self.references = _weakref.ref(site, self.site_goes), _weakref.ref(site.main, self.main_goes)
        # If they went with ``sys.modules``, what is in them would stay: it is found by the collector, or cleared with them. The first goes first.
        self.kept = [module for name, module in modules.items() if name not in ("__main__", "site")][::-1]
        self.modules, self.loaded = modules, families(modules) - {"__main__"}
        self.shortcut, self.is_plain = shortcut(), False
        self.last_object = [LIBRARY, *objects_after(LIBRARY)][-1]
        self.classes = [
            namespace_of(base) for base in bases_of_all(kinds_of(gc.get_objects())) if not has_finalizer(base)
        ]
        self.place, self.filters = posix.getcwd(), [*_warnings.filters]
        self.streams, self.holders, self.blocks = [*streams()], [*holders()], allocated_blocks()
        gc.freeze()
        self.tie_knot()
        for thing in (modules["__main__"], vars(modules["__main__"])):
            for name in ("PyObject_GC_UnTrack", "PyObject_GC_Track"):
                FUNCTIONS[name](Long(id(thing)))
        self.number = gc.get_freeze_count()

    def is_aside(self):
        """Whether it is not the collector's again. One that imported ``gc`` may have been another interpreter; who freezes anew, has more frozen."""
        return self.is_untouched() or 0 < gc.get_freeze_count() <= self.number

    def site_goes(self, _):
        """Have what is loaded stay aside if that is not to be seen; else, or if the program has taken ``site`` away itself, let go of it."""
        try:
            if is_finalizing() and self.is_aside() and self.is_left_alone():
                return
        except BaseException:  # noqa: S110  (for lack of memory or stack, or of an audit hook: nobody would see it cold)
            pass
        self.let_go()

    def main_goes(self, _):
        """Let go of it all if it has not been yet. Somebody refers to ``site``, and the interpreter clears it, or has exchanged what is in it."""
        if self.kept:
            self.let_go()
            if is_finalizing():
                gc.collect()  # as the interpreter has, in vain

    def let_go(self):
        """Have what is loaded be the collector's again, unless it is, and go when nobody else refers to it."""
        self.kept.clear()
        if self.is_aside():  # or else it is for the program to say
            gc.unfreeze()

    def is_left_alone(self):
        """Whether nothing of the program's can be missed that what is loaded may hold. If nothing can be missed at all, does not return."""
        if allocated_blocks() > self.blocks + MOST_BLOCKS or [*_warnings.filters] != self.filters or is_one_of_more():
            return False
        if not is_silent(gc.get_objects()) or any("__del__" in names for names in self.classes):
            return False
        if not self.has_no_function() or self.holders != [*holders()]:
            gc.collect()  # there is nothing that would tell when
            if not self.has_no_function():
                return False
        if self.shortcut and self.is_plain and self.streams == [*streams()] and self.has_only_library():
            self.shortcut.take()
        return self.holders == [*holders()]

    def tie_knot(self):
        """Hear of the collection at the interpreter's end. What is so old is not looked at before, but where there are many objects."""
        knot = Knot()
        self.knot = _weakref.ref(knot, self.knot_goes)
        gc.collect()

    def knot_goes(self, _):
        """See that the streams which the interpreter has just flushed are its own: where that fails, its exit status is to be 120, and nothing else tells."""
        self.knot = None
        try:  # noqa: SIM105  (as in ``serve``)
            self.is_plain = (
                is_finalizing()
                and sys.stdout is sys.__stdout__
                and sys.stderr is sys.__stderr__
                and all(posix.get_blocking(fd) and posix.fstat(fd).st_mode & S_IFMT == S_IFIFO for fd in (1, 2))
            )
        except BaseException:  # noqa: S110  (as in ``site_goes``)
            pass

    def has_no_function(self):
        """Whether no function is the program's."""
        things = gc.get_objects()  # before there is the comprehension's
        return all(map(self.is_of_library, [thing for thing in things if type(thing) is FUNCTION]))

    def has_only_library(self):
        """Whether the program has imported nothing but what is of the standard library, and does what that says; and left nothing of other kinds."""
        more = families(self.modules) - self.loaded - {"__main__"}
        return (
            more.issubset(STDLIB)
            and more.isdisjoint(UNKNOWN)
            and all(map(is_of_stdlib, kinds_of(gc.get_objects())))
            and all(map(is_object_of_library, objects_after(self.last_object)))
        )

    def is_of_library(self, function):
        """Whether a function is one by what is global to it, whatever it says of itself. The program's own hold all that is global there."""
        names = function.__globals__
        if not dict.get(names, "__builtins__", names):
            return True  # a named tuple's: there is nothing that it could call
        name, file = dict.get(names, "__name__"), dict.get(names, "__file__")
        if type(file) is str and file.startswith(self.place):
            return False
        return type(name) is str and (family(name) in self.loaded or family(name) in STDLIB)


def is_one_of_more():
    """Whether there are other interpreters, which may be the library's to end."""
    return FUNCTIONS["PyInterpreterState_Head"]() != FUNCTIONS["PyInterpreterState_Main"]()


def is_silent(things):
    """Whether it is not to be seen, nor heard of, when any of these goes. Of what the collector does not know some warns, if that is asked for."""
    references = [thing for thing in things if issubclass(type(thing), REFERENCE)]
    classes = [thing for thing in things if issubclass(type(thing), type)]  # what is loaded may have got one
    return not any(map(is_missed, [*kinds_of(things), *classes])) and not any(map(calls_back, references))


def kinds_of(things):
    """Return the classes of things, each once: by their numbers, for a metaclass may say what is equal."""
    return dict(zip(map(id, map(type, things)), map(type, things))).values()  # noqa: B905  (strict is of 3.10)


def bases_of_all(kinds):
    """Return the classes that others are made of, each once, as ``kinds_of``."""
    return {id(base): base for kind in kinds for base in bases_of(kind)}.values()


def objects_after(handle):
    """Yield the shared objects that were loaded after one, by their handles."""
    while handle := word_at(handle + NEXT_OBJECT):
        yield handle


def is_object_of_library(handle):
    """Whether a shared object is one of the standard library's modules, or a library. Of what another one would do at the end nothing is known."""
    place, _, name = Text.from_address(handle + OBJECT_NAME).value.rpartition(b"/")
    return place.startswith(LIBRARIES) and (place.endswith(b"/lib-dynload") or name.startswith(b"lib"))


class Shortcut:
    """The way from within ``Py_FinalizeEx`` to its end: to whoever has called it, and knows the exit status, as if it had returned 0.

    What it would do yet is to write to most pages that it has: each string, type and function of the library is let go of, one after the other,
    and all of them are gone a moment later. The unwinder, by the tables that exceptions of C++ are thrown by, tells what the
    registers were when it was called; setcontext(3) sets them, and returns 0 there.
    """

    def __init__(self, machine):
        """OSError where there is no such unwinder, or the interpreter cannot be asked where it is; KeyError for another machine."""
        unwinder = _ctypes.dlopen("libgcc_s.so.1", 0)
        walk, start_of, counter_of, stack_of, register_of = [
            _ctypes.dlsym(unwinder, f"_Unwind_{name}")
            for name in ("Backtrace", "GetRegionStart", "GetIP", "GetCFA", "GetGR")
        ]
        counter, stack, registers = FOUND_AGAIN[machine]
        self.places = [place // WORD_BYTES for place in (counter, stack, *registers.values())]
        asked = [start_of, 0, counter_of, 0, stack_of, 0]
        for number in registers:
            asked += [register_of, number]
        self.width = len(asked) // 2
        self.frames, frames = words(self.width * MOST_FRAMES)
        self.asked, self.asked_at = words(2 + len(asked) + 1)
        for index, word in enumerate([frames, frames + self.frames.nbytes, *asked]):
            self.asked[index] = word
        self.context, self.context_at = words(CONTEXT_BYTES // WORD_BYTES)
        self.starts = starts_of_the_end()
        self.note = executable(bytes.fromhex(NOTE[machine]))
        self.walk = Function(walk)
        self.getcontext, self.setcontext = [
            Function(_ctypes.dlsym(LIBRARY, name)) for name in ("getcontext", "setcontext")
        ]

    def take(self):
        """Flush the standard streams, which has been done before, but somebody may have written since; and go. Returns where it cannot."""
        for stream in (sys.__stderr__, sys.__stdout__):  # as they are let go of
            stream.flush()
        self.getcontext(Long(self.context_at))
        self.walk(Long(self.note), Long(self.asked_at))
        starts = self.frames[:: self.width].tolist()
        ends = [index for index, start in enumerate(starts) if start in self.starts]
        caller = self.frames[(ends[0] + 1) * self.width :][: self.width].tolist() if ends else []
        if not any(caller):
            return
        for place, value in zip(self.places, caller[1:]):  # noqa: B905
            self.context[place] = value
        self.setcontext(Long(self.context_at))


def words(number):
    """Return so many words of memory that C may write to, and where they are."""
    memory = bytearray(number * WORD_BYTES)
    return memoryview(memory).cast("l"), _ctypes.addressof(Byte.from_buffer(memory))


def shortcut():
    """Return the way to the interpreter's end; None where there is none."""
    try:
        return Shortcut(posix.uname().machine)
    except (OSError, KeyError):
        return None


def starts_of_the_end():
    """Return where ``Py_FinalizeEx`` begins: it, and since 3.13 what it jumps to."""
    start = _ctypes.dlsym(LIBRARY, "Py_FinalizeEx")
    code = (Byte * MOST_BEFORE_JUMP).from_address(start).raw if sys.version_info >= (3, 13) else b""
    jumps = [index + 1 for index, byte in enumerate(code) if byte in JUMPS][:1]
    return {start, *[start + at + 4 + int.from_bytes(code[at : at + 4], "little", signed=True) for at in jumps]}


def family(name):
    """Return the first part of a module's name."""
    return name.partition(".")[0]


def families(modules):
    """Return the first parts of modules' names."""
    return {family(name) for name in modules if type(name) is str}


def is_of_stdlib(kind):
    """Whether a class is of the standard library, with all that it is made of: it is known what there is to be seen when an object of it goes."""
    names = [module_of(base) for base in bases_of(kind)]
    return all(type(name) is str and family(name) in STDLIB for name in names)


def calls_back(reference):
    """Whether a weak reference calls something, when what it refers to goes, that does more than to keep a set or a dictionary."""
    callback = callback_of(reference)
    if type(callback) is FUNCTION or type(callback) is BUILTIN:
        return callback.__qualname__ not in KEEPERS
    return callback is not None


def parts():
    """Yield the standard streams, and what they are made of."""
    for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
        if type(stream) is TEXT:
            yield from (stream, stream.buffer, getattr(stream.buffer, "raw", stream.buffer))


def streams():
    """Yield the numbers of the standard streams' parts, and what attributes they were given."""
    for part in parts():
        yield id(part)
        yield dict(getattr(part, "__dict__", ()))


def holders():
    """Yield the numbers of the standard streams' parts, and how many refer to each."""
    for part in parts():
        yield id(part)
        yield references_to(part)


def may_be_put_aside():
    """Whether it would not be seen where that is not finalized what is loaded, but for the standard streams, and that ``site`` goes when it should."""
    if sys.flags.verbose or sys.flags.dev_mode or sys.warnoptions or b"PYTHONMALLOCSTATS" in posix.environ:
        return False
    if len(gc.get_referrers(sys.modules["site"])) != 1:
        return False
    numbers = {*holders()}
    others = [thing for thing in gc.get_objects() if id(thing) not in numbers]
    return not any(map(is_missed, kinds_of(others)))


def is_missed(kind):
    """Whether it is to be seen when an object of a class goes: by a finalizer, by who is called back, or by what is written to a file then."""
    return (
        has_finalizer(kind)
        or any(kind is proxy for proxy in PROXIES)
        or any(type(module_of(base)) is str and module_of(base) in CLOSERS for base in bases_of(kind))
    )


def has_finalizer(kind):
    """Whether objects of a class have one, as files and generators do. Whoever asks the class asks its metaclass."""
    return any("__del__" in namespace_of(base) for base in bases_of(kind))


def enter(owner, namespaces, done):
    """Enter a container. Only a grandchild returns, with a pidfd of the child, whose end makes it a child of the container's init.

    A pid namespace takes in the children of who enters it, and who loses its parent goes to the init of where that parent was. The
    child needs no memory of its own for what it has to do. The parent must not go on in the memory that the child has left: when there
    is a byte in ``done`` the template ends it. That clears the number by which the C library knows who holds a lock (set_tid_address(2)), in
    the child too: so from that byte on the child takes none; but, to tell of a failure, the interpreter's own, which has no owner.
    """
    own = posix.getuid()
    posix.setresuid(own, owner, own)
    for namespace in namespaces:
        call("setns", namespace, 0)
        posix.close(namespace)
    parent = posix.pidfd_open(posix.getpid(), 0)
    call("vfork")
    try:
        child = posix.pidfd_open(posix.getpid(), 0)
        forked = posix.fork()
    except OSError:  # the parent's stack is as this leaves it
        outlive(parent, done)
        raise
    if forked:
        outlive(parent, done)
        posix._exit(0)
    posix.close(parent)
    posix.close(done)
    return child


def outlive(parent, done):
    """Have the template end the parent, and wait until it has. Where there is no template any more, the launcher ends this process too."""
    try:  # noqa: SIM105  (as in ``serve``)
        posix.write(done, b"x")
    except OSError:
        pass
    await_end(parent)


def await_end(pidfd):
    """Wait until a process has ended."""
    call("poll", packed(4, pidfd) + packed(2, POLLIN, 0), 1, -1)


def join(config, text, fds, done):
    """Become a program's process that waits in a container, and return its socket to init."""
    *namespaces, launcher, program = fds
    sync, init = seqpacket(launcher), seqpacket(program)
    step = "join_namespaces"
    try:
        between = enter(int(text), namespaces, done)
        sync.send(b"here")
        if not sync.recv(16):
            posix._exit(1)
        sync.close()
        await_end(between)  # then this process's parent is init
        posix.close(between)
        step = "become_the_program"
        become_the_program(config)
        step = "restrict_access"
        restrict_access(config)
        step = "filter_system_calls"
        listener = filter_system_calls(config)
    except OSError as error:
        init.send(f"{error.errno or 0} {step}".encode())
        posix._exit(1)
    posix.chdir(config.directory)
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed(4, listener))]
    init.sendmsg([f"ready {posix.getpid()}".encode()], rights)
    posix.close(listener)
    return init


def serve():
    """Fork for each container that is asked for. Returns in the fork, with its socket to init and the configuration."""
    launcher, server = seqpacket(LAUNCHER), seqpacket(SERVER)
    config = Config(receive(launcher)[0])
    for name in config.preload:
        __import__(name)
    call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    is_untouched = may_be_put_aside() and unfreeze_at_import()
    if is_untouched:
        Aside(is_untouched)
    server.send(b"ready")
    while True:
        text, fds = receive(launcher)
        if not text:
            posix._exit(0)
        read, done = posix.pipe()
        child = posix.fork()
        if not child:
            posix.close(read)
            launcher.close()
            server.close()
            return join(config, text, fds, done)
        for fd in (done, *fds):
            posix.close(fd)
        joined = posix.read(read, 1)  # nothing, where it could not
        posix.close(read)
        posix.kill(child, SIGKILL)
        posix.waitpid(child, 0)
        # Its child is this one's now, and ends, or has ended if there is one. No container ends before it is reaped.
        try:  # noqa: SIM105  (contextlib would be one import more)
            posix.waitpid(-1, 0 if joined else posix.WNOHANG)
        except ChildProcessError:
            pass


def await_start(init):
    """Wait until the program is to run, and have its streams."""
    text, streams = receive(init)
    if not text:
        posix._exit(1)
    for number, stream in enumerate(streams):
        posix.dup2(stream, number)
        posix.close(stream)
    init.close()
    call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)  # as execve(2) makes it


def is_directory(path):
    """Whether there is a directory, as far as the program may know. An exception for each that is missing would take longer than the rest."""
    return posix.access(path, posix.F_OK) and posix.stat(path).st_mode & S_IFMT == S_IFDIR


def site_would_find_more():
    """Whether there is, now that the files of the program are, what site looks for in vain here: the user's directory, one of PYTHONPATH.

    Their modules and .pth files count before main.py does.
    """
    site = sys.modules["site"]
    nothing = [path for path, finder in sys.path_importer_cache.items() if finder is None]
    return any(map(is_directory, [*nothing, site.USER_SITE] if site.ENABLE_USER_SITE else nothing))


def forget_the_hook():
    """Take the hook's name out of what is known of its directory, if there is no such file where the program is."""
    directory, _, name = __file__.rpartition("/")
    if not posix.access(__file__, posix.F_OK):
        getattr(sys.path_importer_cache.get(directory), "_path_cache", set()).discard(name)


def hold():
    """Wait, fork, and return in the fork when its program is to run."""
    try:
        sys.meta_path.remove(Early)
        sys.path_hooks.remove(late)
        await_start(serve())
        forget_the_hook()
        if site_would_find_more():
            with open("/proc/self/cmdline", "rb") as file:  # sys.orig_argv is of 3.10
                argv = file.read().split(b"\0")[:-1]
            posix.execv(sys.executable, argv)  # as if there were no template: it is behind all walls
    except BaseException:  # nothing may go on from here that is not a program behind all its walls
        sys.excepthook(*sys.exc_info())
        posix._exit(1)


class Early:
    """Is asked first where a module is. Holds up who asks for one of the two, if they may be there, or nobody will ask ``late``."""

    @staticmethod
    def find_spec(name, *_):
        """Find what the others do, if it has been waited here; else nothing."""
        if name in ("sitecustomize", "usercustomize") and (not is_file() or programs_are_on_the_path() or find(name)):
            hold()
            return find(name)  # for one of the others is passed over, now that this one is not there
        return None


def is_file():
    """Whether the program is one: its name is in the place of an option, and of none."""
    return sys.argv[0] not in ("", "-", "-c", "-m")


def programs_are_on_the_path():
    """Whether modules are looked for where the files of a program will be."""
    place = posix.getcwd()
    return any(path.startswith(place) for path in sys.path)


def find(name):
    """Find a module as the others do."""
    for finder in sys.meta_path:
        if finder is not Early and hasattr(finder, "find_spec"):
            spec = finder.find_spec(name, None, None)
            if spec:
                return spec
    return None


def late(path):
    """Is asked first what can be imported from a path. Holds up who asks it of main.py; None is nothing, and nobody else is asked."""
    if not (is_file() and path.endswith(sys.argv[0].lstrip("./"))):  # which CPython has made absolute
        raise ImportError(path)
    hold()
    for hook in sys.path_hooks:
        try:
            return hook(path)
        except ImportError:
            pass
    return None


if "late" not in [getattr(hook, "__name__", "") for hook in sys.path_hooks]:  # site may come here twice, by two names
    sys.meta_path.insert(0, Early)
    sys.path_hooks.insert(0, late)
if __name__ == "sitecustomize":
    del sys.modules["sitecustomize"]
    import sitecustomize  # the image's
