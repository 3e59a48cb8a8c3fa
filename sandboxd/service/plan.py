"""What a submission comes to: image, policy, and one program a phase, every name looked up and every bound checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandboxd.errors import InvalidSubmission, Violation, shown
from sandboxd.images.manifest import Language, expand
from sandboxd.images.store import Image, ImageStore
from sandboxd.model import SECOND_NS, Command, File, Limits, Phase, Runtime, Source, Submission
from sandboxd.paths import Places
from sandboxd.runtime import arguments
from sandboxd.runtime.policy import Policy
from sandboxd.runtime.spec import ProgramSpec
from sandboxd.service.limits import resolve

BASE_ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/workspace",
    "USER": "sandbox",
    "LOGNAME": "sandbox",
    "LANG": "C.UTF-8",
    "TMPDIR": "/tmp",
}
_PAGE_BYTES = 4096
_MOST_NAMES = 20  # of images, for people
# Of up to 12 bytes in JSON: with two seccomp programs and a hook less than wire.LAUNCHER_MESSAGE_BYTES.
_MOST_CHARACTERS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """One program to run."""

    phase: Phase
    limits: Limits
    program: ProgramSpec
    runtime: Runtime | None = None
    """What starts the program, where that can be had loaded before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A submission, ready to run."""

    submission: Submission
    image: Image
    policy: Policy
    language: str
    program: str
    """The source's entrypoint, or the command's first word."""
    files: tuple[File, ...]
    phases: tuple[PhasePlan, ...]


class Planner:
    """Makes plans, from the images and policies of a server."""

    def __init__(
        self, images: ImageStore, policies: Mapping[str, Policy], *, default_image: str, default_policy: str
    ) -> None:
        self._images = images
        self._policies = policies
        self._default_image = default_image
        self._default_policy = default_policy

    def plan(self, submission: Submission) -> Plan:
        """Return the plan. InvalidSubmission names every bad field."""
        image = self._image(submission.image) if submission.image else self._default_for(submission.program)
        policy = self._policy(submission.policy or self._default_policy)
        if isinstance(submission.program, Source):
            return self._plan_source(submission, submission.program, image, policy)
        limits, violations = resolve(submission.limits, policy.defaults, policy, field="limits")
        violations += resolve(submission.compile_limits, policy.compile_defaults, policy, field="compile_limits")[1]
        violations += _fit(submission.files, limits, policy, "limits")
        if violations:
            raise InvalidSubmission(violations)
        argv = submission.program.argv
        phase = _phase(Phase.RUN, argv, limits, {**BASE_ENV, **image.env, **submission.env}, tty=submission.tty)
        return Plan(
            submission=submission,
            image=image,
            policy=policy,
            language="",
            program=argv[0],
            files=submission.files,
            phases=(phase,),
        )

    def _plan_source(self, submission: Submission, source: Source, image: Image, policy: Policy) -> Plan:
        language = image.language(source.language)
        if language is None:
            raise InvalidSubmission.of("source.language", self._no_such_language(submission, source, image))
        entrypoint, sources = _name_sources(source, language)
        files = (*sources, *submission.files)
        phases, violations = _language_phases(submission, source, language, entrypoint, sources, image, policy)
        violations += _clashes(entrypoint, submission.files) if not source.files[0].path else []
        for phase, field in zip(reversed(phases), ("limits", "compile_limits"), strict=False):
            violations += _fit(files, phase.limits, policy, field)
        if violations:
            raise InvalidSubmission(violations)
        return Plan(
            submission=submission,
            image=image,
            policy=policy,
            language=language.name,
            program=entrypoint,
            files=files,
            phases=tuple(phases),
        )

    def _image(self, name: str) -> Image:
        image = self._images.get(name)
        if image is None:
            names = self._images.names()
            known = ", ".join(names[:_MOST_NAMES]) + (
                f" and {more} more" if (more := len(names) - _MOST_NAMES) > 0 else ""
            )
            raise InvalidSubmission.of("image", f"no image is named {shown(name)}; there are: {known or 'none'}")
        return image

    def _no_such_language(self, submission: Submission, source: Source, image: Image) -> str:
        if submission.image:
            known = ", ".join(sorted(image.languages))
            return f"image {image.name!r} has no language {shown(source.language)}; it has {known or 'none, and runs commands'}"
        known = ", ".join(self._images.languages())
        return f"no image has a language {shown(source.language)}; there are {known}"

    def _default_for(self, program: Source | Command) -> Image:
        """Return the default image, or, for a language that it does not have, the first by name that does."""
        default = self._image(self._default_image)
        if isinstance(program, Source) and default.language(program.language) is None:
            return self._images.find(program.language) or default
        return default

    def _policy(self, name: str) -> Policy:
        policy = self._policies.get(name)
        if policy is None:
            known = ", ".join(sorted(self._policies))
            raise InvalidSubmission.of("policy", f"no policy is named {shown(name)}; there are {known}")
        return policy


def _language_phases(
    submission: Submission,
    source: Source,
    language: Language,
    entrypoint: str,
    sources: tuple[File, ...],
    image: Image,
    policy: Policy,
) -> tuple[list[PhasePlan], list[Violation]]:
    env = {**BASE_ENV, **image.env, **language.env}
    names = language.sources_of(file.path for file in sources)
    compile_limits, violations = resolve(
        submission.compile_limits,
        policy.compile_defaults,
        policy,
        field="compile_limits",
        memory_bytes=language.compile_min_memory_bytes,
        processes=language.compile_min_processes,
    )
    limits, found = resolve(
        submission.limits, policy.defaults, policy, field="limits", memory_bytes=language.min_memory_bytes
    )
    violations += found
    phases = []
    if language.compile:
        argv = expand(language.compile, entrypoint, names)
        phases.append(_phase(Phase.COMPILE, argv, compile_limits, env, tty=False))
    argv = (*expand(language.run, entrypoint, names), *source.args)
    run = _phase(Phase.RUN, argv, limits, {**env, **submission.env}, tty=submission.tty)
    phases.append(replace(run, runtime=_runtime(language, run.program, policy, submission)))
    return phases, violations


def _runtime(language: Language, program: ProgramSpec, policy: Policy, submission: Submission) -> Runtime | None:
    """Return the runtime of a program, unless it has what no template is made for.

    A policy that allows too much has none. Nor has what is unusual: that is a terminal, a stack of its own, calls reported, and more words than
    are kept of those that may be asked for again; and an environment of the request's, which could have the runtime run what it says
    (PYTHONWARNINGS, LD_PRELOAD): a template is no container, and has no limits of time.
    """
    template = language.template
    unusual = submission.tty or submission.report_refused_syscalls or program.stack_bytes != policy.defaults.stack_bytes
    if (
        template is None
        or not policy.seccomp.holds_templates
        or unusual
        or submission.env
        or arguments.length(program) > _MOST_CHARACTERS
    ):
        return None
    return Runtime(
        hook=template.hook,
        place=template.place,
        preload=template.preload,
        argv=program.argv,
        env=program.env,
        stack_bytes=program.stack_bytes,
    )


def _phase(phase: Phase, argv: tuple[str, ...], limits: Limits, env: Mapping[str, str], *, tty: bool) -> PhasePlan:
    if tty:
        env = {"TERM": "xterm-256color", **env}
    program = ProgramSpec(
        argv=argv,
        env=tuple(env.items()),
        tty=tty,
        # The kernel counts whole seconds for each process; the supervisor is exact and looks at all of them.
        cpu_seconds=math.ceil(limits.cpu_time_ns / SECOND_NS) + 1,
        processes=limits.processes,
        open_files=limits.open_files,
        file_size_bytes=limits.file_size_bytes,
        stack_bytes=limits.stack_bytes,
    )
    return PhasePlan(phase=phase, limits=limits, program=program)


def _name_sources(source: Source, language: Language) -> tuple[str, tuple[File, ...]]:
    """Give a nameless file its name, and find the entrypoint."""
    if len(source.files) == 1 and not source.files[0].path:
        name = source.entrypoint or language.source
        return name, (replace(source.files[0], path=name),)
    names = [file.path for file in source.files]
    if source.entrypoint:
        return source.entrypoint, source.files
    if language.source in names:
        return language.source, source.files
    if len(names) == 1:
        return names[0], source.files
    text = f"missing: none of the {len(names)} files is named {language.source!r}"
    raise InvalidSubmission.of("source.entrypoint", text)


def _clashes(entrypoint: str, files: tuple[File, ...]) -> list[Violation]:
    """Find files of the request that want the place of nameless source code, which has its name only now."""
    places = Places()
    places.take(entrypoint, "source.code")
    found = ((f"files[{index}].path", file.path) for index, file in enumerate(files))
    return [Violation(field, wrong) for field, path in found if (wrong := places.take(path, field))]


def _fit(files: tuple[File, ...], limits: Limits, policy: Policy, field: str) -> list[Violation]:
    """Find out whether the files fit into the workspace."""
    needed = sum(-(-len(file.content) // _PAGE_BYTES) * _PAGE_BYTES for file in files)
    if needed > limits.disk_bytes:
        return [Violation(f"{field}.disk_bytes", f"the files need {needed} bytes and may have {limits.disk_bytes}")]
    if len(files) > policy.inodes // 2:
        return [Violation("files", f"{len(files)} files are more than half of the policy's {policy.inodes} inodes")]
    return []
