"""Each layer of isolation, and what to take out of a copy of sandboxd to be without it. Only there: no switch has it."""

from __future__ import annotations

from sandboxd.attack.program import Layer
from tests.mutation import Edit

_LAUNCHER = "sandboxd/runtime/launcher.py"
_STEPS = "sandboxd/runtime/steps.py"
_INIT = "sandboxd/runtime/init.py"
_NETWORKS = "sandboxd/linux/empty_networks.py"
_V1 = "sandboxd/linux/cgroups/v1.py"
_V2 = "sandboxd/linux/cgroups/v2.py"

_KEEP_CAPABILITIES = """\
    import ctypes, struct
    low, high = (1 << 32) - 1, (1 << child.last_capability - 31) - 1
    ctypes.CDLL(None).capset(struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", low, low, low, high, high, high))
    for capability in range(child.last_capability + 1):
        process.prctl(process.PR_CAP_AMBIENT, 2, capability, 0, 0)  # PR_CAP_AMBIENT_RAISE
"""
_MOUNT_ROOT_WITHOUT_OVERLAY = "    mounts.mount(child.image[-1], _ROOT, None, _BIND)\n"

WITHOUT: dict[Layer, tuple[Edit, ...]] = {
    # Its processes are users of the host: uid 1000 of the container is uid 1000 of everybody.
    Layer.USER_NAMESPACE: (
        Edit(_LAUNCHER, "    process.Namespace.USER\n    | process.Namespace.PID\n", "    process.Namespace.PID\n"),
        Edit(_LAUNCHER, "                credentials.map_ids(pid, spec.ids.extents)\n"),
        Edit(_LAUNCHER, "_RDONLY, userns_fd=userns)", "_RDONLY)"),
        Edit(
            _LAUNCHER,
            'self._create(ContainerSpec.from_json(header["spec"])',
            'header["spec"]["ids"] = {"extents": [(0, 0, 65536)]}; self._create(ContainerSpec.from_json(header["spec"])',
        ),
        Edit(_STEPS, "credentials.become(child.ids.root, child.ids.root)", "os.setgroups([])"),
    ),
    # The program has every capability over the container's namespaces, as if it were root in it.
    Layer.CAPABILITIES: (
        Edit(
            _STEPS,
            "    credentials.lock_out_capabilities(child.last_capability)\n",
            "    process.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS\n",
        ),
        Edit(_STEPS, "    credentials.drop_capabilities()\n", _KEEP_CAPABILITIES),
    ),
    # Every system call that the kernel has, those of i386 too.
    Layer.SECCOMP: (
        Edit("policies/default.toml", 'seccomp = "default.json"', 'seccomp = "open.json"'),
        Edit(
            "sandboxd/linux/seccomp_profile.py",
            "compiled.set_attr(library.Attr.ACT_BADARCH, library.NOTIFY if refusal is None else refusal)",
            "compiled.set_attr(library.Attr.ACT_BADARCH, library.ALLOW)",
        ),
    ),
    # The image itself is the root, and its mount is writable. The image must be a directory: erofs has no way to write.
    Layer.READ_ONLY_ROOT: (
        Edit("sandboxd/runtime/layout.py", "guard = MountFlag.RDONLY | ", "guard = "),
        Edit(_LAUNCHER, "_RDONLY, userns_fd", "mounts.MountAttr.NOSUID, userns_fd"),
        Edit(
            _STEPS,
            '    mounts.mount(b"overlay", _ROOT, b"overlay", _GUARD, over(child.image))\n',
            _MOUNT_ROOT_WITHOUT_OVERLAY,
        ),
    ),
    # The host's own interfaces and sockets.
    Layer.NETWORK_NAMESPACE: (
        Edit(_LAUNCHER, "_NAMESPACES | process.Namespace.NETWORK", "_NAMESPACES"),
        Edit(_NETWORKS, "    process.unshare(process.Namespace.NETWORK)\n"),
    ),
    # Neither memory nor processes nor CPU time are limited by the group, which still counts them.
    Layer.CGROUP: (
        Edit(_V1, "        _limit_memory(\n", "        (lambda *_, **__: None)(\n"),
        Edit(_V1, '        write_at(directories["pids"], "pids.max", settings.processes)\n', "        pass\n"),
        Edit(_V1, '"cpu.cfs_quota_us", quota_us(cpus)', '"cpu.cfs_quota_us", -1'),
        Edit(_V2, 'f"{quota_us(cpus)} {CPU_PERIOD_US}"', 'f"max {CPU_PERIOD_US}"'),
        Edit(_V2, '        write_at(fd, "memory.max", settings.memory_bytes)\n', "        pass\n"),
        Edit(_V2, '        write_at(fd, "pids.max", settings.processes)\n', "        pass\n"),
    ),
    Layer.LANDLOCK: (Edit(_INIT, "    steps.restrict_access,\n"),),
}
