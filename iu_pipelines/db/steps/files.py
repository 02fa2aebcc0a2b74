"""Step files: loading, expansion of `\\ir` as psql does it, order of application, and stamps.

A module is a folder such as `sql/iu-core`. A step is one file in its `runtime` folder. The first statements
of the file name the steps that it requires. The last statement, the stamp, records the step in the ledger
`iu_schema_step` with the SHA-256 of the expanded text before the stamp. So psql and `iu migrate` write the
same row.

In each module the schema steps (tables and data) are applied first, then the functions, then the steps that
require functions. A step whose name ends in `_functions` is repeatable: it is applied again when its text or
the schema of its module has changed. Every other step is applied once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from iu_pipelines.errors import StepRefused, UsageError

Kind = Literal["runtime", "verify", "rollback", "sandbox"]

CORE: Final = "iu-core"
"""The module that every other module requires."""

_MODULE_PREFIX: Final = "iu-"
_REPEATABLE_SUFFIX: Final = "_functions"
_FILE_NAME: Final = re.compile(r"\d{3}_[a-z0-9_]+\.sql")
_META_COMMAND: Final = re.compile(r"^\\(?P<command>\S*)[ \t]*(?P<argument>.*?)[ \t]*$")
_ON_ERROR_STOP: Final = r"\set ON_ERROR_STOP on"
_REQUIRE: Final = re.compile(
    r"^select public\.fn_iu_step_require\('(?P<module>[^']*)', '(?P<name>[^']*)'\);$", re.MULTILINE
)
_STAMP: Final = re.compile(
    r"^select public\.fn_iu_step_record\("
    r"\s*'(?P<module>[^']*)', '(?P<name>[^']*)',\s*'(?P<checksum>[^']*)'\s*\);\s*\Z",
    re.MULTILINE,
)


@dataclass(frozen=True, order=True)
class StepKey:
    """The key of a step in the ledger: its module and its name, such as `070_functions`."""

    module: str
    name: str

    def __str__(self) -> str:
        """Return `name` for a step of the core, and `module/name` for a step of another module."""
        return self.name if self.module == CORE else f"{self.module}/{self.name}"


@dataclass(frozen=True)
class StepFile:
    """One SQL file. In `text`, `\\ir` lines are expanded and line ends are normalised."""

    kind: Kind
    key: StepKey
    path: Path
    text: str

    @property
    def name(self) -> str:
        """The file name without `.sql`, preceded by the module and a slash unless the module is the core."""
        return str(self.key)

    @property
    def label(self) -> str:
        """The path as shown in messages, such as `iu-core/runtime/070_functions`."""
        return f"{self.key.module}/{self.kind}/{self.key.name}"


@dataclass(frozen=True)
class Step:
    """A runtime step: its file, the checksum of its text, the steps that it requires, and its stamp."""

    file: StepFile
    checksum: str
    requires: tuple[StepKey, ...]
    stamp: tuple[StepKey, str] | None

    @property
    def key(self) -> StepKey:
        """The key of the step in the ledger."""
        return self.file.key

    @property
    def name(self) -> str:
        """The name as shown in messages, such as `070_functions`."""
        return self.file.name

    @property
    def is_repeatable(self) -> bool:
        """Whether the step is applied again when its text has changed, as `fn_iu_step_record` permits."""
        return self.key.name.endswith(_REPEATABLE_SUFFIX)

    @property
    def is_stamped(self) -> bool:
        """Whether the stamp contains the key and the checksum of this step."""
        return self.stamp == (self.key, self.checksum)


def modules(root: Path) -> list[str]:
    """Return the modules under `root`, the core first."""
    found = sorted(folder.parent.name for folder in root.glob(f"{_MODULE_PREFIX}*/runtime"))
    return sorted(found, key=lambda name: name != CORE)


def find_module(root: Path, wanted: str) -> str:
    """Return the module with the name `wanted`, given with or without the prefix `iu-`.

    Raises:
        UsageError: there is no such module.
    """
    known = modules(root)
    found = [name for name in known if wanted in (name, name.removeprefix(_MODULE_PREFIX))]
    if not found:
        raise UsageError(f"no such module: {wanted!r}", hint=f"Choose one of: {', '.join(known)}.")
    return found[0]


def load(root: Path, kind: Kind, module: str = CORE) -> list[StepFile]:
    """Return the files of one kind, sorted by name.

    Raises:
        StepRefused: the core has no such files, or a file has an invalid `\\ir` line.
    """
    folder = root / module / kind
    paths = sorted(path for path in folder.glob("*.sql") if _FILE_NAME.fullmatch(path.name))
    if not paths and module == CORE:
        raise StepRefused(
            f"no {kind} files under {folder}", hint="Reinstall iu-pipelines; its SQL files are missing."
        )
    return [StepFile(kind, StepKey(module, path.stem), path, expand(path)) for path in paths]


def load_steps(root: Path, chosen: Sequence[str] | None = None) -> list[Step]:
    """Return the runtime steps of the `chosen` modules, by default of all, in the order of application.

    Raises:
        StepRefused: a step requires one that is applied after it.
    """
    names = modules(root) if chosen is None else chosen
    return in_order([_read_step(file) for name in names for file in load(root, "runtime", name)])


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Return `steps` in the order of application, module by module.

    Raises:
        StepRefused: a step requires one that is applied after it.
    """
    known = {step.key: step for step in steps}
    by_module: dict[str, list[Step]] = {}
    for step in steps:
        by_module.setdefault(step.key.module, []).append(step)
    ordered: list[Step] = []
    for name in _modules_in_order(by_module):
        ordered += _module_in_order(by_module[name], known)
    _refuse_disorder(ordered, known)
    return ordered


def _modules_in_order(by_module: Mapping[str, Sequence[Step]]) -> Iterator[str]:
    """Yield each module after the modules that its steps require."""
    done: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> Iterator[str]:
        if name in done or name in trail:
            return
        for required in sorted({key.module for step in by_module[name] for key in step.requires}):
            if required in by_module:
                yield from visit(required, (*trail, name))
        done.append(name)
        yield name

    for name in by_module:
        yield from visit(name, ())


def _module_in_order(steps: Sequence[Step], known: Mapping[StepKey, Step]) -> list[Step]:
    """Return the schema steps, then the functions, then the steps that require functions.

    Each of these groups is sorted by name.
    """
    functions = [step for step in steps if step.is_repeatable]
    after = [step for step in steps if not step.is_repeatable and _needs_functions(step, known)]
    schema = [step for step in steps if step not in functions and step not in after]
    for step in functions:
        if schema and schema[-1].key not in step.requires:
            raise StepRefused(
                f"{step.file.label} does not require {schema[-1].name}, the last schema step of its module",
                hint=f"Require {schema[-1].key.name} in the first statement of the file, so that psql also "
                "applies the functions after the schema.",
            )
    return [*schema, *functions, *after]


def _needs_functions(step: Step, known: Mapping[StepKey, Step], trail: tuple[StepKey, ...] = ()) -> bool:
    """Return whether `step` requires functions of its module, directly or through other steps."""
    required = [
        known[key]
        for key in step.requires
        if key in known and key.module == step.key.module and key not in trail
    ]
    return any(
        other.is_repeatable or _needs_functions(other, known, (*trail, step.key)) for other in required
    )


def _refuse_disorder(ordered: Sequence[Step], known: Mapping[StepKey, Step]) -> None:
    places = {step.key: place for place, step in enumerate(ordered)}
    for step in ordered:
        for key in step.requires:
            if key in known and places[key] >= places[step.key]:
                raise StepRefused(
                    f"{step.file.label} requires {key}, which is applied after it",
                    hint="Require only steps with lower numbers, and no functions in a schema step.",
                )


def _read_step(file: StepFile) -> Step:
    stamp = _STAMP.search(file.text)
    body = file.text[: stamp.start()] if stamp else file.text
    checksum = hashlib.sha256(body.encode()).hexdigest()
    requires = tuple(StepKey(found["module"], found["name"]) for found in _REQUIRE.finditer(body))
    recorded = (StepKey(stamp["module"], stamp["name"]), stamp["checksum"]) if stamp else None
    return Step(file, checksum, requires, recorded)


def expand(path: Path, including: tuple[Path, ...] = ()) -> str:
    """Return the text of `path`, with each `\\ir` line replaced by the text of the file that it names.

    The line `\\set ON_ERROR_STOP on` is removed, because only psql understands it.

    Raises:
        StepRefused: a file contains another meta-command, is missing, or includes itself.
    """
    if path in including:
        raise StepRefused(f"{path} includes itself", hint="Remove the \\ir line that includes it again.")
    if not path.is_file():
        source = f", named in {including[-1]}" if including else ""
        raise StepRefused(
            f"no such step file: {path}{source}", hint="Correct the \\ir line, or restore the file."
        )
    lines = path.read_text(encoding="utf-8").split("\n")
    trail = (*including, path)
    return "\n".join(
        _expand_line(line, number, trail)
        for number, line in enumerate(lines, start=1)
        if line != _ON_ERROR_STOP
    )


def _expand_line(line: str, number: int, trail: tuple[Path, ...]) -> str:
    meta = _META_COMMAND.match(line)
    if meta is None:
        return line
    if meta["command"] != "ir" or not meta["argument"]:
        raise StepRefused(
            f"{trail[-1]} line {number}: {line.strip()!r} is not allowed in a step",
            hint=f"Use only \\ir with a relative path, and {_ON_ERROR_STOP}.",
        )
    included = trail[-1].parent / meta["argument"].strip("'")
    return expand(included.resolve(), trail).removesuffix("\n")


def stamp(root: Path, *, check: bool = False) -> list[str]:
    """Correct the stamps of all runtime files, and return the names of the steps whose stamp was wrong.

    If `check` is true, nothing is written.
    """
    stale = [step for step in load_steps(root) if not step.is_stamped]
    if not check:
        for step in stale:
            _write_stamp(step)
    return [step.name for step in stale]


def _write_stamp(step: Step) -> None:
    path = step.file.path
    text = path.read_text(encoding="utf-8")
    if step.stamp is None:
        path.write_text(f"{text.rstrip()}\n\n{_record(step.key, '')}", encoding="utf-8")
        _write_stamp(_read_step(StepFile("runtime", step.key, path, expand(path))))
    else:
        path.write_text(_STAMP.sub(_record(step.key, step.checksum), text), encoding="utf-8")


def _record(key: StepKey, checksum: str) -> str:
    return f"select public.fn_iu_step_record(\n    '{key.module}', '{key.name}',\n    '{checksum}'\n);\n"


def find(known: Sequence[StepKey], wanted: str, module: str = CORE) -> StepKey:
    """Return the step with the name, file name or number `wanted`.

    It must be a step of `module`, unless `wanted` begins with the name of another module and a slash.

    Raises:
        UsageError: there is no such step, or more than one.
    """
    stem = wanted.removesuffix(".sql")
    named = [key.module for key in known if stem.startswith(f"{key.module}/")]
    module, name = (named or [module])[0], stem.rpartition("/")[2]
    found = [key for key in known if key.module == module and name in (key.name, key.name[:3])]
    if len(found) != 1:
        raise UsageError(
            f"no such step: {wanted!r}", hint=f"Choose one of: {', '.join(str(key) for key in known)}"
        )
    return found[0]
