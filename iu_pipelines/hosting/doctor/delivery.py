"""Checks of what a sender needs on this machine: its login, deployment, packages and secrets.

No secret is printed. The checks of the database are in `domain.doctor.delivery`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from iu_pipelines import settings
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.delivery import kinds
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain import promotions, targets
from iu_pipelines.domain.doctor.findings import Verdict
from iu_pipelines.domain.promotions import Promotion
from iu_pipelines.domain.targets import GrantedTarget, Target
from iu_pipelines.errors import ConnectionFailed, IuError
from iu_pipelines.hosting.doctor.machine import DELIVERY, Machine

_SQL: Final = Statements(__name__)

_NAMED: Final = 5
_MOST_FILES: Final = 1000
_TOO_OPEN: Final = stat.S_IRWXO | stat.S_IWGRP
_OPTION: Final = "_secret"
"""The end of the names of options that name a secret."""


@dataclass(frozen=True)
class _Asked:
    """A read-only transaction of the login that delivers, and whether it may deliver."""

    queries: Queries
    login: str
    is_sender: bool

    def targets(self) -> list[Target] | list[GrantedTarget]:
        """Return the targets that are granted to a sender, or for another login every target."""
        return targets.granted(self.queries) if self.is_sender else targets.list_targets(self.queries)


def _ask(machine: Machine, look: Callable[[_Asked], Verdict | None]) -> Verdict | None:
    """Return what `look` finds; None if there is no database or no module, or if it does not answer."""
    chosen = machine.settings.sender_database_url
    url = chosen.get_secret_value() if chosen else machine.database_url
    if url is None:
        return None
    try:
        with Gateway(url, application_name="iu doctor") as gateway, gateway.snapshot() as session:
            who = session.fetch_one(_SQL["who"])
            if who is None or not who["has_module"]:
                return None
            return look(_Asked(session, who["login"], who["is_sender"]))
    except ConnectionFailed:
        return None


@DELIVERY("delivery.sender")
def sender(machine: Machine) -> Verdict | None:
    """Connect as the login of IU_SENDER_DATABASE_URL."""
    chosen = machine.settings.sender_database_url
    if chosen is None:
        return None
    try:
        with Gateway(chosen.get_secret_value(), application_name="iu doctor") as gateway:
            who = gateway.fetch_one(_SQL["who"]) or {}
    except ConnectionFailed as error:
        return Verdict("problem", f"IU_SENDER_DATABASE_URL: {error.message}", error.hint)
    if not who["has_module"]:
        return Verdict(
            "problem",
            "the database of IU_SENDER_DATABASE_URL has no live delivery",
            "Correct the variable, or install the module: iu migrate --with delivery",
        )
    if who["is_sender"]:
        return Verdict("ok", f"{who['login']} may deliver")
    return Verdict(
        "problem",
        f"{who['login']}, the login of IU_SENDER_DATABASE_URL, may not deliver",
        "Use a login that is a member of iu_sender, and neither a superuser nor a member of iu_owner.",
    )


@DELIVERY("delivery.deployment")
def deployment(machine: Machine) -> Verdict | None:
    """Compare IU_DEPLOYMENT with the deployments that the promotions in force name."""
    return _ask(machine, lambda asked: _deployment(machine, asked, promotions.list_promotions(asked.queries)))


def _deployment(machine: Machine, asked: _Asked, found: list[Promotion]) -> Verdict | None:
    own = machine.settings.deployment
    others = [one for one in found if one.state in ("live", "held") and one.deployment != own]
    if not others:
        return Verdict("ok", f"IU_DEPLOYMENT = {own}" if own else "not set, and no promotion is in force")
    said = _listed([f"{one.route_code} ({one.deployment})" for one in others])
    if own is None:
        return Verdict(
            "warning" if asked.is_sender else "note",
            f"IU_DEPLOYMENT is not set: from here nothing is delivered of {said}",
            f"Where the sender runs, set IU_DEPLOYMENT={others[0].deployment}",
        )
    return Verdict(
        "warning",
        f"IU_DEPLOYMENT = {own}, but the promotions are for other deployments: {said}",
        "Deliver from the deployment that was approved, or propose a promotion for this one: iu promote "
        "propose ROUTE",
    )


@DELIVERY("delivery.kinds")
def installed_kinds(machine: Machine) -> Verdict | None:
    """Look for targets of a kind that cannot be sent to from here, such as one whose extra is missing."""
    return _ask(machine, _installed_kinds)


def _installed_kinds(asked: _Asked) -> Verdict | None:
    faults: dict[str, IuError] = {}
    found = sorted({target.kind for target in asked.targets()})
    for kind in found:
        try:
            kinds.load(kind)
        except IuError as error:
            faults[kind] = error
    if not faults:
        return Verdict("ok", f"kinds of targets: {', '.join(found) or 'none'}; each is installed")
    return Verdict(
        "warning",
        _listed([f"targets of kind {kind}: {error.message}" for kind, error in faults.items()]),
        f"{next(iter(faults.values())).hint} It is needed only where the sender runs.",
    )


@DELIVERY("secrets.directory")
def directory(machine: Machine) -> Verdict | None:
    """Look at the directory of secrets: whether it can be read, and whether others may read its files."""
    place = machine.settings.secrets_dir
    if place is None:
        return None
    if not place.is_dir():
        return Verdict(
            "problem", f"{place} is not a directory", "Set IU_SECRETS_DIR to one with a file for each secret."
        )
    try:
        files = _files(place)
        hidden = [name for name, file in files.items() if not os.access(file, os.R_OK)]
        exposed = [name for name, file in files.items() if file.stat().st_mode & _TOO_OPEN]
    except OSError as error:
        return Verdict("problem", f"{place} cannot be read: {error.strerror}", f"Run: chmod 700 {place}")
    if hidden:
        return Verdict(
            "problem",
            f"files of {place} that this user cannot read: {_listed(hidden)}",
            "Change their owner.",
        )
    if exposed:
        return Verdict(
            "warning",
            f"files of {place} that other users may read or change: {_listed(exposed)}",
            f"Run: chmod 600 {place}/*",
        )
    return Verdict("ok", f"{place}: {len(files)} files, which other users cannot read")


def _files(place: Path) -> dict[str, Path]:
    """Return the files that may be secrets by name, at most 1,000."""
    found = (file for file in sorted(place.iterdir()) if not file.name.startswith(".") and file.is_file())
    return {file.name: file for file in islice(found, _MOST_FILES)}


@DELIVERY("secrets.targets")
def of_targets(machine: Machine) -> Verdict | None:
    """Look for the secrets of the granted targets, if the login is a sender; each is bound to its host."""
    return _ask(machine, lambda asked: _of_targets(machine, asked) if asked.is_sender else None)


def _of_targets(machine: Machine, asked: _Asked) -> Verdict | None:
    found: list[str] = []
    hint = None
    wanted = [(target, name) for target in asked.targets() for name in _secret_names(target)]
    for target, name in wanted:
        try:
            Secrets(machine.settings).find(name, target.address)
        except IuError as error:
            found.append(f"target {target.target_name}: {error.message}")
            hint = hint or error.hint
        except (OSError, ValueError):
            found.append(f"target {target.target_name}: secret {name} cannot be read as text")
    if not found:
        return Verdict("ok", f"the secrets of the targets of {asked.login} are there: {len(wanted)}")
    return Verdict("problem", _listed(found), hint or "Write it anew: host=NAME SECRET")


@DELIVERY("secrets.unused")
def unused(machine: Machine) -> Verdict | None:
    """Look for secrets that no target uses, such as a misspelled name."""
    place = machine.settings.secrets_dir
    try:
        names = {*settings.secret_names(), *(_files(place) if place and place.is_dir() else ())}
    except OSError:
        return None  # secrets.directory says so
    return _ask(machine, lambda asked: _unused(asked, names)) if names else None


def _unused(asked: _Asked, names: set[str]) -> Verdict | None:
    found = sorted(names - {name for target in asked.targets() for name in _secret_names(target)})
    of = f" that is granted to {asked.login}" if asked.is_sender else ""
    if not found:
        return Verdict("ok", f"every secret is used by a target{of}: {len(names)}")
    return Verdict(
        "note",
        f"secrets that no target{of} uses: {_listed(found)}",
        "Correct the name, or remove the secret. iu target show names the one that a target uses.",
    )


def _secret_names(target: Target | GrantedTarget) -> list[str]:
    """Return the names of the secrets of a target: its own, and those that its options name."""
    named = [value for key, value in target.options.items() if key.endswith(_OPTION)]
    return [name for name in (target.secret_name, *named) if isinstance(name, str)]


def _listed(found: list[str]) -> str:
    """Return the first texts, and how many more there are."""
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
