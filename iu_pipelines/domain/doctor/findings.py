"""Checks and their findings: what was found, how bad it is, and what to do.

A check is a function that returns a `Verdict`, or None if it does not apply. A `Checks` object registers it
under the id of its finding:

    @CHECKS("server.encoding")
    def encoding(asked: Asked) -> Verdict | None: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Final, Generic, Literal, TypeVar

from iu_pipelines.errors import ConnectionFailed, IuError, PermissionDenied, redact

Level = Literal["ok", "note", "warning", "problem"]
"""`problem`: something does not work. `warning`: it may cause one. `note`: worth knowing."""

_Asked = TypeVar("_Asked")
_MORE_RIGHTS: Final = "Run iu doctor with a login of iu_auditor (docs/operate/roles.md)."
_BUG: Final = "This is a bug in iu-pipelines. Please report it."


@dataclass(frozen=True)
class Verdict:
    """The result of a check; `hint` is what to do."""

    level: Level
    found: str
    hint: str | None = None


@dataclass(frozen=True)
class Finding:
    """The result of the check with this id, which never changes. It contains no password."""

    id: str
    level: Level
    found: str
    hint: str | None


class Checks(Generic[_Asked]):
    """The checks of one part, by the id of their findings, in the order of their registration."""

    def __init__(self) -> None:
        self._known: dict[str, Callable[[_Asked], Verdict | None]] = {}

    def __call__(
        self, identifier: str
    ) -> Callable[[Callable[[_Asked], Verdict | None]], Callable[[_Asked], Verdict | None]]:
        """Return a decorator that registers a check under `identifier`."""

        def register(check: Callable[[_Asked], Verdict | None]) -> Callable[[_Asked], Verdict | None]:
            self._known[identifier] = check
            return check

        return register

    def __iter__(self) -> Iterator[tuple[str, Callable[[_Asked], Verdict | None]]]:
        return iter(self._known.items())

    def findings(self, asked: _Asked) -> Iterator[Finding]:
        """Run every check with `asked` and yield its finding, if it applies."""
        for identifier, check in self:
            yield from finding(identifier, lambda check=check: check(asked))  # type: ignore[misc]


def finding(identifier: str, check: Callable[[], Verdict | None]) -> Iterator[Finding]:
    """Yield the finding of one check, if it applies. An error of the check becomes its finding.

    Raises:
        ConnectionFailed: the connection was lost, so that the next check would fail too.
    """
    verdict = _judged(check)
    if verdict:
        hint = redact(verdict.hint) if verdict.hint else None
        yield Finding(identifier, verdict.level, redact(verdict.found), hint)


def failed(identifier: str, error: IuError) -> Finding:
    """Return the finding of an error that ended several checks."""
    (found,) = finding(identifier, lambda: Verdict("problem", error.message, error.hint))
    return found


def _judged(check: Callable[[], Verdict | None]) -> Verdict | None:
    try:
        return check()
    except ConnectionFailed:
        raise
    except PermissionDenied as error:
        return Verdict("note", f"not visible to this login: {error.message}", _MORE_RIGHTS)
    except IuError as error:
        return Verdict("problem", error.message, error.hint)
    except Exception as error:  # noqa: BLE001  one check must not end the others
        return Verdict("problem", f"the check raised {type(error).__name__}: {error}", _BUG)


def load_checks(package: ModuleType) -> None:
    """Import every module of a package, so that its checks are registered."""
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
