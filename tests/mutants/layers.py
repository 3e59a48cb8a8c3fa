"""Each layer of isolation, and what to take out of a copy of sandboxd to be without it. Only there: no switch has it."""

from __future__ import annotations

from sandboxd.attack.program import Layer
from tests.mutation import Edit

_LAUNCHER = "sandboxd/runtime/launcher.py"
_STEPS = "sandboxd/runtime/steps.py"
_NETWORKS = "sandboxd/linux/empty_networks.py"
_V1 = "sandboxd/linux/cgroups/v1.py"
_V2 = "sandboxd/linux/cgroups/v2.py"

_KEEP_CAPABILITIES = """\
    low, high = (1 << 32) - 1, (1 << build.plan.last_capability - 31) - 1
    sets = build.script.put(struct.pack("=6I", low, low, low, high, high, high))
    build.script.call("capset", build.script.put(struct.pack("=Ii", 0x20080522, 0)), sets)
    for capability in range(build.plan.last_capability + 1):
        build.script.call("prctl", process.PR_CAP_AMBIENT, process.PR_CAP_AMBIENT_RAISE, capability, 0, 0)
"""
_MOUNT_ROOT_WITHOUT_OVERLAY = "    calls.mount(build.script, build.image[-1], _ROOT, None, _BIND)\n"

WITHOUT: dict[Layer, tuple[Edit, ...]] = {
    # Its processes are users of the host: uid 1000 of the container is uid 1000 of everybody.
    Layer.USER_NAMESPACE: (
        Edit(_LAUNCHER, "    process.Namespace.USER\n    | process.Namespace.PID\n", "    process.Namespace.PID\n"),
        Edit(_LAUNCHER, "                credentials.map_ids(clone.pid, spec.ids.extents)\n"),
        Edit(_LAUNCHER, "_RDONLY, userns_fd=userns)", "_RDONLY)"),
        Edit(
            _LAUNCHER,
            'self._create(ContainerSpec.from_json(header["spec"])',
            'header["spec"]["ids"] = {"extents": [(0, 0, 65536)]}; self._create(ContainerSpec.from_json(header["spec"])',
        ),
        Edit(_STEPS, "    calls.become(build.script, build.plan.root, build.plan.root)\n"),
    ),
    # The program has every capability over the container's namespaces, as if it were root in it.
    Layer.CAPABILITIES: (
        Edit(
            _STEPS,
            "    calls.lock_out_capabilities(build.script, build.plan.last_capability)\n",
            '    build.script.call("prctl", 8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS\n',
        ),
        Edit(_STEPS, "    calls.drop_capabilities(build.script)\n", _KEEP_CAPABILITIES),
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
            '    calls.mount(build.script, b"overlay", _ROOT, b"overlay", _GUARD, over(build.image))\n',
            _MOUNT_ROOT_WITHOUT_OVERLAY,
        ),
    ),
    # The host's own interfaces and sockets.
    Layer.NETWORK_NAMESPACE: (
        Edit(_LAUNCHER, "namespaces |= process.Namespace.NETWORK", "pass"),
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
    Layer.LANDLOCK: (Edit(_STEPS, "    restrict_access,\n"),),
}
