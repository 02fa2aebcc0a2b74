"""What a plan says about live delivery: problems of targets, and promotions that its changes end.

Nothing here asks the module iu-delivery unless it is installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import (
    configuration,
    deliveries,
    delivery_queue,
    delivery_reasons,
    routes,
    targets,
)
from iu_pipelines.domain.deliveries import TargetQueue
from iu_pipelines.domain.outbox_file.model import DeliveryTarget, Route
from iu_pipelines.domain.outbox_file.problems import Problem, shown
from iu_pipelines.domain.outbox_file.reading import Source
from iu_pipelines.domain.plans.difference import ADD, REMOVE, TARGET, Change
from iu_pipelines.domain.plans.state import State
from iu_pipelines.domain.times import shown as shown_time
from iu_pipelines.errors import ArgumentInvalid, IuError, TargetInUse, TargetNotSafe

_SQL: Final = Statements(__name__)
_MODULE: Final = "iu-delivery"
_CAP: Final = 1000
_NAMED: Final = 5
_NO_VERSION: Final = ("enabled", "senders")
"""The fields of a target whose change makes no new version."""

Check = Callable[[str, str, Mapping[str, Any], str | None, bool], None]
"""Checks the kind, the address, the options and the name of the secret of a target; the last argument is
whether its address may be private. Raises TargetNotSafe or ArgumentInvalid."""


def problems(source: Source, state: State, gateway: Queries, check: Check | None) -> Iterator[Problem]:
    """Yield what of the section `targets` does not fit the database or the kinds."""
    if "targets" in source.file.model_fields_set and not state.delivers:
        yield source.problem(
            ("targets",),
            f"targets need the module {_MODULE}, which is not installed",
            "Install it: iu migrate --with delivery, or delete this section.",
        )
        return
    changed = _changed(source, state)
    if changed:
        yield from _of_kinds(source, gateway, changed)
        yield from _of_secrets(source, gateway, changed)
        yield from _of_senders(source, state, gateway, changed)
    for name, entry in changed.items():
        refused = check and _refusal(check, entry, private=True)
        if refused:
            field = ("targets", name, _field_of(refused))
            yield source.problem(field, refused.message, refused.hint or _COMPARE)


_COMPARE: Final = "Compare it with: iu schema"


def _changed(source: Source, state: State) -> dict[str, DeliveryTarget]:
    present = state.file.targets
    return {name: entry for name, entry in source.file.targets.items() if present.get(name) != entry}


def _of_kinds(source: Source, gateway: Queries, changed: Mapping[str, DeliveryTarget]) -> Iterator[Problem]:
    kinds = sorted(known.kind for known in routes.target_kinds(gateway) if known.module == _MODULE)
    for name, entry in changed.items():
        if entry.kind not in kinds and not routes.is_own_kind(entry.kind):
            yield source.problem(
                ("targets", name, "kind"),
                f"nothing is delivered to targets of kind {shown(entry.kind)}",
                f"Write one of {', '.join(kinds)}, or a kind of your own, such as acme.sqs.",
            )


def _of_secrets(source: Source, gateway: Queries, changed: Mapping[str, DeliveryTarget]) -> Iterator[Problem]:
    """Yield a problem for each address or option with a secret, which is not shown."""
    texts = {(name, "address"): entry.address for name, entry in changed.items()}
    texts |= {(name, "options"): json.dumps(entry.options) for name, entry in changed.items()}
    places = {" ".join(place): place for place in texts}
    given = {"names": list(places), "texts": list(texts.values())}
    for row in gateway.fetch_all(_SQL["secrets"], given):
        name, field = places[row["name"]]
        yield source.problem(
            ("targets", name, field),
            f"it contains {row['found']}",
            "Put the secret into the environment as IU_SECRET_<NAME>, or into a file of IU_SECRETS_DIR, and "
            "write its name: secret: NAME",
        )


def _of_senders(
    source: Source, state: State, gateway: Queries, changed: Mapping[str, DeliveryTarget]
) -> Iterator[Problem]:
    known = _logins(gateway, changed)
    for name, entry in changed.items():
        before = state.targets[name].senders if name in state.targets else []
        for place, login in enumerate(entry.senders):
            if login in before:
                continue
            path = ("targets", name, "senders", place)
            if login in known and not known[login]["is_sender"]:
                yield source.problem(
                    path,
                    f"login {shown(login)} is not a member of iu_sender",
                    f"Ask an administrator to run: grant iu_sender to {login}",
                )
            elif login not in known:
                yield source.problem(
                    path,
                    f"no such login: {shown(login)}",
                    "Name a role that may log in and is a member of iu_sender.",
                )


def _logins(gateway: Queries, entries: Mapping[str, DeliveryTarget]) -> dict[str, dict[str, Any]]:
    """Return the roles among the senders of targets that may log in."""
    logins = sorted({login for entry in entries.values() for login in entry.senders})
    found = gateway.fetch_all(_SQL["logins"], {"logins": logins}) if logins else []
    return {row["login"]: row for row in found}


def _refusal(check: Check, entry: DeliveryTarget, *, private: bool) -> IuError | None:
    try:
        check(entry.kind, entry.address, entry.options, entry.secret, private)
    except (ArgumentInvalid, TargetNotSafe) as error:
        return error
    return None


def _field_of(refused: IuError) -> str:
    """Return the field that a kind refused, by the words of the error."""
    if isinstance(refused, TargetNotSafe):
        return "address"
    words = {"option": "options", "secret": "secret"}
    return next((field for word, field in words.items() if word in refused.message), "address")


def require_removable(gateway: Queries, changes: Sequence[Change]) -> None:
    """Raise TargetInUse if a target is removed to which a route was promoted."""
    removed = [change.name for change in changes if change.action == REMOVE and change.noun == TARGET]
    if not removed:
        return
    used = gateway.fetch_all(_SQL["promoted"], {"targets": removed})
    if used:
        queues = _queues(gateway)
        first, *others = [_in_use(queues, row["target_name"], row["routes"]) for row in used]
        error = TargetInUse(
            first,
            hint="Claims and outcomes refer to it, so it stays. Name it in the file, with enabled: false if "
            "nothing is to be delivered.",
        )
        for other in others:
            error.add_note(other)
        raise error


def _in_use(queues: Mapping[str, TargetQueue], target: str, codes: Sequence[str]) -> str:
    queued = _count(*_queued(queues, target))
    return f"target {target} is in use by {', '.join(codes)}, with {queued} in the queue"


def _queues(gateway: Queries) -> dict[str, TargetQueue]:
    return {row.target: row for row in deliveries.status(gateway)}


def _queued(queues: Mapping[str, TargetQueue], target: str) -> tuple[int, bool]:
    """Return how many deliveries of a target are not settled, and whether there are more."""
    row = queues.get(target)
    if row is None:
        return 0, False
    of_states = (row.queued, row.in_flight, row.in_doubt, row.retry, row.held, row.parked, row.dead)
    return sum(of_states), row.counts_capped


def _count(count: int, capped: bool = False) -> str:
    if capped:
        return f"{count // 1000 * 1000:,} or more deliveries"
    return f"{count:,} {'delivery' if count == 1 else 'deliveries'}"


def warnings(source: Source, state: State, gateway: Queries, check: Check | None) -> Iterator[str]:
    """Yield what is permitted and keeps deliveries from being sent."""
    if not state.delivers:
        return
    known = _logins(gateway, source.file.targets)
    for name, entry in sorted(source.file.targets.items()):
        if not _may_be_private(state, name) and (private := check and _private(check, entry)):
            yield f"target {name}: {targets.only_private(name, private)}"
        for login in entry.senders:
            if warning := _of_login(known.get(login)):
                yield f"target {name}: {login} {warning}, so it cannot deliver"
    kinds = {known.kind for known in routes.target_kinds(gateway) if known.module == _MODULE}
    for code, route in sorted(source.file.routes.items()):
        kind = route.target.kind
        if (kind in kinds or routes.is_own_kind(kind)) and (warning := _of_route(source, state, route)):
            yield f"route {code}: {warning}"


def _may_be_private(state: State, name: str) -> bool:
    return name in state.targets and state.targets[name].allow_private


def _private(check: Check, entry: DeliveryTarget) -> IuError | None:
    """Return why the address is refused, if it would be allowed for a target that may be private."""
    refused = _refusal(check, entry, private=False)
    return refused if refused and not _refusal(check, entry, private=True) else None


def _of_login(login: Mapping[str, Any] | None) -> str | None:
    if login is None:
        return "is not a role that may log in"
    if login["is_owner"]:
        return "is a superuser or a member of iu_owner"
    return None if login["is_sender"] else "is not a member of iu_sender"


def _of_route(source: Source, state: State, route: Route) -> str | None:
    kind, ref = route.target.kind, route.target.ref
    kinds = {name: row.kind for name, row in state.targets.items()}
    kinds |= {name: entry.kind for name, entry in source.file.targets.items()}
    if ref not in kinds:
        return f"there is no target {ref}, so it cannot be promoted; add {ref} to the section targets"
    return None if kinds[ref] == kind else f"target {ref} is of kind {kinds[ref]}, so it cannot be promoted"


def _approved(gateway: Queries) -> dict[str, dict[str, Any]]:
    """Return the last promotion of each route that is live or held, by route."""
    return {row["route_code"]: row for row in gateway.fetch_all(_SQL["approved"])}


def _alive(gateway: Queries, row: Mapping[str, Any]) -> tuple[int, bool]:
    """Return how many deliveries of a route are queued, retries included, and whether there are more."""
    (queue,) = gateway.fetch_all(_SQL["queued"], {"route_no": row["route_no"], "cap": _CAP + 1})
    return queue["alive"], queue["seen"] > _CAP


def _held_now(count: int, capped: bool) -> str:
    return f"{_count(count, capped)} {'is' if count == 1 and not capped else 'are'} held"


class Ended:
    """The promotions that a change ends. Make it before the change, in its transaction if it has one.

    Without the module `iu-delivery` there are none.
    """

    def __init__(self, gateway: Queries) -> None:
        self._gateway = gateway
        self._before = _approved(gateway) if deliveries.is_installed(gateway) else {}

    def warnings(self, route_code: str | None = None) -> list[str]:
        """Return, after the change, which promotions ended and what is held.

        That of `route_code` is named also if it had ended before: undoing a change does not bring it back.
        """
        after = _approved(self._gateway) if self._before else {}
        said = []
        for code, row in after.items():
            was_live = self._before.get(code, row)["state"] == "live"
            if (row["held_reason"] or "").endswith(("_changed", "_removed")) and (
                was_live or code == route_code
            ):
                said.append(self._warning(row, "ends" if was_live else "has ended"))
        return said

    def _warning(self, row: Mapping[str, Any], verb: str) -> str:
        held = _held_now(*_alive(self._gateway, row))
        added = "it is added again and " if row["held_reason"] == "route_removed" else ""
        said = (
            f"promotion {row['promotion_no']} of {row['route_code']} {verb} ({row['held_reason']}), and "
            f"{held} until {added}a new one is approved: iu promote propose {row['route_code']}"
        )
        pause = f". To stop a target for a while, use: iu target pause {row['target_name']} --reason WHY"
        return said + (pause if verb == "ends" else "")


class Consequences:
    """What changes mean for targets, and for routes that are live."""

    def __init__(self, source: Source, state: State, gateway: Queries) -> None:
        self._file = source.file
        self._state = state
        self._gateway = gateway

    @cached_property
    def _live(self) -> list[dict[str, Any]]:
        found = _approved(self._gateway) if self._state.delivers else {}
        return [row for row in found.values() if row["state"] == "live"]

    @cached_property
    def _queues(self) -> dict[str, TargetQueue]:
        return _queues(self._gateway)

    def target(self, change: Change) -> Iterator[str]:
        """Yield what a change of a target means."""
        if change.action == REMOVE:
            yield "No route was ever promoted to it."
            return
        entry = self._file.targets[change.name]
        if change.action == ADD:
            if not entry.senders:
                yield "No login may deliver to it; name the logins in senders."
            return
        fields = {one.field for one in change.fields}
        if fields - set(_NO_VERSION):
            yield "It becomes a new version, so promotions to it end."
        if fields & {"kind", "address"} and self._state.targets[change.name].allow_private:
            allow = f"iu target set {change.name} --{{}}allow-private --reason WHY"
            yield (
                "Its address may be private, so an approver runs before: "
                f"{allow.format('no-')}; and after: {allow.format('')}"
            )
        if "enabled" in fields:
            yield from self._enabled(change.name, entry.enabled)
        yield from self._senders(change.name, entry)

    def _enabled(self, target: str, enabled: bool) -> Iterator[str]:
        count, capped = _queued(self._queues, target)
        if not count:
            return
        queued = f"{_count(count, capped)} {'is' if count == 1 and not capped else 'are'} queued"
        yield f"{queued}." if enabled else f"{queued}, and none is claimed until it is enabled."
        flying = sum(self._in_flight(target).values())
        if flying and not enabled:
            yield f"{_count(flying, flying >= _CAP)} in flight may still be sent."

    def _senders(self, target: str, entry: DeliveryTarget) -> Iterator[str]:
        before = set(self._state.targets[target].senders)
        for login in sorted(set(entry.senders) - before):
            yield f"{login} may deliver to it."
        removed = sorted(before - set(entry.senders))
        flying = self._in_flight(target) if removed else {}
        for login in removed:
            yield f"{login} may no longer deliver to it."
            if claims := flying.get(login):
                yield f"{login} has {_count(claims, claims >= _CAP)} in flight, which may still be sent."

    def _in_flight(self, target: str) -> dict[str, int]:
        """Return how many deliveries of a target each login has claimed, up to a limit of all together."""
        found = self._gateway.fetch_all(_SQL["in_flight"], {"target": target, "cap": _CAP})
        return {row["login"]: row["claims"] for row in found}

    def ended(self, change: Change) -> Iterator[str]:
        """Yield which live routes a change holds, because their promotions are about what was before."""
        if change.noun == configuration.ROUTE:
            for row in self._live:
                if row["route_code"] == change.name:
                    yield from self._route_ended(row, is_removed=change.action == REMOVE)
            return
        held = sorted(row["route_code"] for row in self._held(change))
        if held:
            routes_held = "1 live route" if len(held) == 1 else f"{len(held):,} live routes"
            others = f" and {len(held) - _NAMED:,} more" if len(held) > _NAMED else ""
            yield (
                f"{routes_held} will be held until rehearsed and promoted again: "
                f"{', '.join(held[:_NAMED])}{others}."
            )

    def _route_ended(self, row: Mapping[str, Any], *, is_removed: bool) -> Iterator[str]:
        count, capped = _alive(self._gateway, row)
        yield f"It is live: its promotion ends, and {_held_now(count, capped)}."
        unread = self._unread.get(row["route_code"])
        if unread:
            yield f"Events that it has not read wait too, the oldest since {shown_time(unread)}."
        if is_removed and (count or unread):
            yield (
                "To lose none, deliver them before it is removed: iu deliver, and for retries "
                f"{delivery_reasons.RETRY} --route {row['route_code']} --reason WHY."
            )

    @cached_property
    def _unread(self) -> dict[str, datetime | None]:
        return {one.route_code: one.unread_since for one in delivery_queue.waiting(self._gateway)}

    def _held(self, change: Change) -> Iterator[dict[str, Any]]:
        """Yield the live routes whose promotions name what a change of another noun changes."""
        types = self._types(change)
        versioned = change.noun == TARGET and {one.field for one in change.fields} - set(_NO_VERSION)
        if not types and not versioned:
            return
        for row in self._live:
            if row["event_type"] in types or (versioned and row["target_name"] == change.name):
                yield row

    def _types(self, change: Change) -> set[str]:
        """Return the event types whose promotions a change ends: their registration, or captures of them."""
        if change.noun == configuration.EVENT_TYPE:
            return {change.name}
        if change.noun != configuration.CAPTURE or not change.fields:
            return set()
        present, wanted = self._state.captures.get(change.name), self._file.captures.get(change.name)
        before = {present.target_event_type} if present else set()
        after = {wanted.event_type} if wanted and change.action != REMOVE else set()
        return before | after
