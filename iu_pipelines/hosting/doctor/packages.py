"""Checks of Python, of the installed packages and extras, and of the variables of the environment."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import Final

from iu_pipelines import extras, settings
from iu_pipelines.domain.doctor.findings import Verdict
from iu_pipelines.hosting.doctor.machine import ENVIRONMENT

_DISTRIBUTION: Final = "iu-pipelines"
_REQUIREMENT: Final = re.compile(
    r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?\s*(?P<range>[^;]*)(?:;.*\bextra == ['\"](?P<extra>[\w-]+)['\"])?"
)
_NOT_SHOWN: Final = frozenset({"all", "dev"})


@dataclass(frozen=True)
class Requirement:
    """A package that iu requires, or an extra of it; `range` is the accepted versions, as in `>=1.12,<2`."""

    name: str
    range: str
    extra: str | None

    @property
    def installed(self) -> str | None:
        """The installed version, or None."""
        try:
            return version(self.name)
        except PackageNotFoundError:
            return None


def requirements() -> Iterator[Requirement]:
    """Yield the requirements of the installed distribution and of its extras, except `all` and `dev`."""
    for text in requires(_DISTRIBUTION) or ():
        found = _REQUIREMENT.match(text)
        if found and found["extra"] not in _NOT_SHOWN:
            yield Requirement(found["name"], found["range"].strip(" ()"), found["extra"])


def is_accepted(found: str, accepted: str) -> bool:
    """Return whether a version is in a range. Without the package `packaging` every version is."""
    if not extras.is_installed("packaging"):
        return True
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415  it is no requirement of the light core

    return SpecifierSet(accepted).contains(found, prereleases=True)


@ENVIRONMENT("python.version")
def python_version(_: None) -> Verdict:
    """Compare the version of Python with the range that iu supports."""
    accepted = metadata(_DISTRIBUTION)["Requires-Python"]
    found = f"Python {platform.python_version()}, iu-pipelines {version(_DISTRIBUTION)}"
    if is_accepted(platform.python_version(), accepted):
        return Verdict("ok", found)
    return Verdict("problem", f"{found} requires Python {accepted}", "Install iu-pipelines in such a Python.")


@ENVIRONMENT("python.packages")
def packages(_: None) -> Verdict:
    """Look for required packages that are missing, or whose version is not supported."""
    wanted = {one.name: one for one in requirements()}.values()
    wrong = [
        f"{one.name} {one.installed or 'is missing'} ({one.range})"
        for one in wanted
        if (one.installed is None and one.extra is None)
        or (one.installed and not is_accepted(one.installed, one.range))
    ]
    if wrong:
        return Verdict(
            "problem",
            f"unsupported: {', '.join(wrong)}",
            "Install them again: pip install --upgrade iu-pipelines",
        )
    return Verdict("ok", ", ".join(f"{one.name} {one.installed}" for one in wanted if one.installed))


@ENVIRONMENT("python.extras")
def installed_extras(_: None) -> Verdict:
    """List the extras that are installed, and those of which a package is missing."""
    lacking: dict[str, list[str]] = {}
    total: dict[str, int] = {}
    for one in requirements():
        if one.extra:
            total[one.extra] = total.get(one.extra, 0) + 1
            lacking.setdefault(one.extra, []).extend([] if one.installed else [one.name])
    complete = [extra for extra, names in lacking.items() if not names]
    other = [
        f"{extra} lacks {', '.join(names)}"
        for extra, names in lacking.items()
        if 0 < len(names) < total[extra]
    ]
    absent = [extra for extra, names in lacking.items() if len(names) == total[extra]]
    found = f"installed: {', '.join(complete) or 'none'}"
    found += f"; incomplete: {'; '.join(other)}" if other else ""
    found += f"; not installed: {', '.join(absent)}" if absent else ""
    return Verdict("ok", found)


@ENVIRONMENT("environment.variables")
def variables(_: None) -> Verdict:
    """Look for variables that begin with `IU_` and are no setting, such as a misspelled one."""
    unknown = settings.unknown_variables()
    if not unknown:
        return Verdict("ok", "every variable that begins with IU_ is a setting")
    said = [f"{name} (did you mean {near}?)" if near else name for name, near in unknown.items()]
    return Verdict(
        "warning" if any(unknown.values()) else "note",
        f"no settings of iu, and without effect on it: {', '.join(said)}",
        "Correct the name, or remove the variable if nothing else reads it.",
    )
