"""Comparison of a database with the files of the steps: functions, views, and the manifests of modules.

Each function and view of a file is created as a temporary object, in a transaction that is rolled back. The
definition that PostgreSQL prints for it, with parameters, options and body, is compared with that of the
installed object. Only the bodies of functions are compared if the role has no privilege to create temporary
objects, or if the server is a standby.

The manifest of a module is stored in `iu_schema_object`, and the privileges on its objects in
`iu_schema_access`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.db.steps.files import Step, StepKey, load_steps, modules
from iu_pipelines.db.steps.lines import Line
from iu_pipelines.errors import ConnectionFailed, DatabaseError
from iu_pipelines.settings import sql_root

_SQL: Final = Statements(__name__)
_FUNCTION: Final = re.compile(
    r"^create (?:or replace )?function public\.(?P<name>\w+)\((?:(?!^create ).)*?"
    r"(?:^as \$\$(?P<body>.*?)\$\$;|^return .*?;(?=\s*(?:--[^\n]*)?$)|^begin atomic$.*?^end;)",
    re.MULTILINE | re.DOTALL,
)
_VIEW: Final = re.compile(
    r"^create (?:or replace )?view public\.(?P<name>\w+)\b.*?;$", re.MULTILINE | re.DOTALL
)
_CREATE: Final = re.compile(r"^create (?:or replace )?(function|view) public\.")
_DECLARATION: Final = re.compile(
    r"^select public\.fn_iu_(?P<what>object_declare|access_declare|trigger_ensure)\((?P<arguments>[^;]*)\);$",
    re.MULTILINE,
)
_ARGUMENT: Final = re.compile(r"'((?:[^']|'')*)'")
_CONTINUED: Final = re.compile(r"'\s*\n\s*'")
"""The boundary between two string literals on adjacent lines, which SQL concatenates."""
_NOT_ALLOWED: Final = frozenset({"42501", "25006"})
_FUNCTIONS_LINE: Final = "functions and views that are not those of the file"
_MANIFEST_LINE: Final = "entries of the manifest that are not those of the files"


@dataclass(frozen=True)
class Function:
    """A function or view in a file.

    `statement` is its `create` statement. `body` is None for a view, and if the body is no string literal.
    """

    name: str
    statement: str
    body: str | None


@dataclass(frozen=True)
class Code:
    """The functions and views that one step creates, by name, and its entries of the manifest.

    An entry is a tuple of the arguments of `fn_iu_object_declare` or `fn_iu_access_declare`.
    """

    key: StepKey
    functions: Mapping[str, Function] = field(default_factory=dict)
    objects: tuple[tuple[str, ...], ...] = ()
    access: tuple[tuple[str, ...], ...] = ()


def read(step: Step) -> Code:
    """Return the functions and views that `step` creates, and its entries of the manifest."""
    text = step.file.text
    functions = {
        found["name"]: Function(found["name"], found[0], found["body"]) for found in _FUNCTION.finditer(text)
    }
    functions |= {found["name"]: Function(found["name"], found[0], None) for found in _VIEW.finditer(text)}
    objects, access = [], []
    for found in _DECLARATION.finditer(text):
        literals = _ARGUMENT.findall(_CONTINUED.sub("", found["arguments"]))
        arguments = tuple(literal.replace("''", "'") for literal in literals)
        if found["what"] == "access_declare":
            access.append(arguments)
        elif found["what"] == "object_declare":
            objects.append(arguments)
        else:
            objects.append((arguments[0], "trigger", arguments[1].lower(), "internal"))
    return Code(step.key, functions, tuple(objects), tuple(access))


def roles_of(name: str, *, writes: bool) -> list[str] | None:
    """Return the roles that may call a function of the files, or read or write a table of them.

    The result is None if the files have no such function or table.
    """
    root = sql_root()
    read_all = [read(step) for step in load_steps(root, modules(root))]
    kinds = {
        one[3]
        for found in read_all
        for one in found.objects
        if one[2].removeprefix("public.").partition("(")[0] == name
    }
    if not kinds:
        return None
    granted = {one[2]: one[3] for found in read_all for one in found.access if one[1] in kinds}
    stronger = [role for role, privileges in granted.items() if privileges != "select"]
    return sorted((stronger if writes else []) or granted)


def by_step(steps: Sequence[Step]) -> dict[StepKey, Code]:
    """Return the code of every step. A function that several steps create belongs to the last of them."""
    found = {step.key: read(step) for step in steps}
    owners = {name: key for key, code in found.items() for name in code.functions}
    return {
        key: Code(
            key,
            {name: function for name, function in code.functions.items() if owners[name] == key},
            code.objects,
            code.access,
        )
        for key, code in found.items()
    }


def compare(gateway: Gateway, code: Code) -> Iterator[Line]:
    """Yield a line about the functions and views of a step, and one about its manifest entries.

    A line is left out if the step has nothing to compare.
    """
    if code.functions:
        yield _line(_FUNCTIONS_LINE, lambda: _differing(gateway, list(code.functions.values())))
    if code.objects:
        yield _line(_MANIFEST_LINE, lambda: (_undeclared(gateway, code), ""))


def _line(name: str, differences: Callable[[], tuple[Sequence[str], str]]) -> Line:
    """Return the line for the result of `differences`: the differing names, and a note."""
    try:
        found, note = differences()
    except ConnectionFailed:
        raise
    except DatabaseError as error:
        return Line(name, "none", f"cannot be compared: {error.message}", passed=False)
    seen = ", ".join(sorted(found)) or "none"
    return Line(f"{name} ({note})" if note else name, "none", seen, seen == "none")


def _differing(gateway: Gateway, functions: Sequence[Function]) -> tuple[list[str], str]:
    """Return the names of the functions and views that differ, and a note on what was not compared."""
    try:
        return _differing_in_definition(gateway, functions), ""
    except DatabaseError as error:
        if error.code not in _NOT_ALLOWED:
            raise
    skipped = sum(function.body is None for function in functions)
    return differing_bodies(gateway, functions), (
        f"bodies only, {skipped} not compared: this role or server cannot create temporary objects"
    )


class _RolledBack(Exception):
    """Raised to roll back a transaction."""


def _differing_in_definition(gateway: Gateway, functions: Sequence[Function]) -> list[str]:
    statements = [_CREATE.sub(r"create \1 pg_temp.", function.statement) for function in functions]
    rows: list[dict[str, str]] = []
    try:
        with gateway.transaction() as session:
            session.execute("set local check_function_bodies = off")
            session.execute("\n".join(statements))
            rows = session.fetch_all(_SQL["differing_in_definition"])
            raise _RolledBack
    except _RolledBack:
        return [row["name"] for row in rows]


def differing_bodies(gateway: Queries, functions: Sequence[Function]) -> list[str]:
    """Return the names of the functions and views that are missing, and of the functions with another body.

    Headers, and bodies that are not string literals, are not compared. The role needs no privilege.
    """
    bodies = {function.name: function.body for function in functions if function.body is not None}
    rows = gateway.fetch_all(_SQL["bodies"], {"names": [function.name for function in functions]})
    seen = {row["name"]: row["body"] for row in rows}
    missing = [function.name for function in functions if function.name not in seen]
    return [*missing, *(name for name, body in bodies.items() if name in seen and seen[name] != body)]


def _undeclared(gateway: Gateway, code: Code) -> list[str]:
    """Return the manifest entries that are only in the files or only in the database."""
    objects = [(*entry, "")[:5] for entry in code.objects]
    rows = gateway.fetch_all(
        _SQL["undeclared"],
        {
            "module": code.key.module,
            "step": code.key.name,
            "kinds": [entry[1] for entry in objects],
            "objects": [entry[2] for entry in objects],
            "access": [entry[3] for entry in objects],
            "classes": [entry[1] for entry in code.access],
            "roles": [entry[2] for entry in code.access],
            "privileges": [entry[3] for entry in code.access],
            "created": list(code.functions),
        },
    )
    return [row["entry"] for row in rows]
