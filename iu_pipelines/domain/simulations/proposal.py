"""The configuration that a file proposes, as far as it decides about events: enabled routes, and workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.domain import configuration, routes, worker
from iu_pipelines.domain.outbox_file.reading import Source
from iu_pipelines.domain.plans import planning
from iu_pipelines.domain.plans.difference import REMOVE
from iu_pipelines.domain.plans.planning import Plan
from iu_pipelines.domain.similar import similar_names
from iu_pipelines.errors import ArgumentInvalid

DRY_RUN: Final = "dry_run"
SKIPPED: Final = "skipped"
DELIVERY: Final = "delivery"
"""The decision of a route that is not dry-run: its delivery function would be called."""


@dataclass(frozen=True)
class Proposal:
    """The database as an apply of the plan would make it.

    `decisions` has, for each event type with an enabled route, the decision of each such route. `workers` has
    the domains of the workers in use, and `retired` those of the others.
    """

    plan: Plan
    decisions: Mapping[str, Mapping[str, str]]
    workers: Mapping[str, str]
    retired: Mapping[str, str]

    def of_type(self, event_type: str) -> Mapping[str, str]:
        """Return the decision of each enabled route of a type; without one, the event is skipped."""
        return self.decisions.get(event_type, {})

    def readers(self, chosen: Sequence[str]) -> dict[str, str]:
        """Return the domains of the chosen workers, or of all workers in use if none is chosen.

        Raises:
            ArgumentInvalid: a chosen worker is neither in the database nor in the file.
        """
        if not chosen:
            return dict(self.workers)
        known = {**self.retired, **self.workers}
        for name in chosen:
            if name not in known:
                raise ArgumentInvalid(
                    f"no such worker: {name!r}", hint=similar_names("workers", name, sorted(known))
                )
        return {name: known[name] for name in chosen}


def propose(gateway: Queries, source: Source, *, prune: bool) -> Proposal:
    """Return what an apply of the file would make of the database.

    Raises:
        OutboxFileInvalid: the file does not fit itself or the database, as `planning.make` says.
    """
    plan = planning.make(gateway, source, prune=prune)
    removed = {(change.noun, change.name) for change in plan.changes if change.action == REMOVE}
    present = worker.list_workers(gateway)
    proposed = {one.worker_name: one.event_domain for one in present if one.retired_at is None}
    proposed |= {name: entry.domain for name, entry in source.file.workers.items()}
    workers = {name: at for name, at in proposed.items() if (configuration.WORKER, name) not in removed}
    return Proposal(
        plan,
        _decisions(gateway, source, {name for noun, name in removed if noun == configuration.ROUTE}),
        workers,
        {one.worker_name: one.event_domain for one in present if one.worker_name not in workers},
    )


def _decisions(gateway: Queries, source: Source, removed: set[str]) -> dict[str, dict[str, str]]:
    """Return the decision of each enabled route, by event type and route.

    A worker matches routes by the type of the event, whether or not the type is enabled.
    """
    present = {route.route_code: route for route in routes.list_routes(gateway)}
    proposed = {code: (route.event_type, route.enabled) for code, route in present.items()}
    proposed |= {code: (entry.event_type, entry.enabled) for code, entry in source.file.routes.items()}
    found: dict[str, dict[str, str]] = {}
    for code, (event_type, enabled) in sorted(proposed.items()):
        if enabled and code not in removed:
            live = code in present and not present[code].dry_run
            found.setdefault(event_type, {})[code] = DELIVERY if live else DRY_RUN
    return found
