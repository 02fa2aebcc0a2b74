"""The nouns in the order of the reference, and the noun of each object of the database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from generators import IncompletePageError
from iu_pipelines.settings import sql_root


@dataclass(frozen=True)
class Noun:
    """A folder below `objects/`: the heading of its section, and a sentence that introduces it."""

    heading: str
    about: str


NOUNS: Final[Mapping[tuple[str, str], Noun]] = {
    ("iu-core", "outbox"): Noun("Outbox", "Emit events, and check what a payload may contain."),
    ("iu-core", "event_types"): Noun("Event types", "The names under which events may be emitted."),
    ("iu-core", "events"): Noun("Events", "Read the outbox, and follow one event."),
    ("iu-core", "routes"): Noun("Routes", "Where the events of a type go."),
    ("iu-core", "worker"): Noun("Worker", "Run a worker, move its cursor, add and retire workers."),
    ("iu-core", "attempts"): Noun("Attempts", "The audit: read it by event, key, batch, run or worker."),
    ("iu-core", "dead_letters"): Noun("Dead letters", "Replay and discard events whose processing failed."),
    ("iu-core", "gates"): Noun("Gates", "Stop and resume processing, and change settings."),
    ("iu-core", "health"): Noun("Health", "Whether workers progress, and what keeps them from it."),
    ("iu-core", "inbound"): Noun("Inbound", "Captures: events for changed rows of your tables."),
    ("iu-core", "units"): Noun("Units", "Information units and their versions, the subjects of events."),
    ("iu-core", "retention"): Noun("Retention", "Delete events that are old enough and that all have read."),
    ("iu-core", "configuration"): Noun(
        "Configuration", "The history of event types, routes, captures, workers."
    ),
    ("iu-core", "evidence"): Noun("Evidence", "Verify the audit, and what probes use."),
    ("iu-core", "steps"): Noun(
        "Steps", "The ledger of steps, the manifest of objects and the access matrix."
    ),
    ("iu-core", "shared"): Noun("Shared", "What functions of several nouns use."),
    ("iu-delivery", "targets"): Noun("Targets", "Where live routes deliver, and the state of each target."),
    ("iu-delivery", "promotions"): Noun("Promotions", "Two people make a route live, on counted evidence."),
    ("iu-delivery", "deliveries"): Noun("Deliveries", "Queue, claim, record, replay and explain deliveries."),
    ("iu-delivery", "plans"): Noun("Plans", "Frozen plans: replay, discard or drain what is named, no more."),
}
"""The folders of both modules, in the order of the reference."""

_DECLARED: Final = re.compile(
    r"fn_iu_object_declare\(\s*'[\w-]+',\s*'(?:function|table|view|type)',\s*'public\.(\w+)"
)


@cache
def places() -> Mapping[str, tuple[str, str]]:
    """Return the module and the noun of each object that a file declares, by the name of the object.

    Raises:
        IncompletePageError: a folder of objects has no heading here.
    """
    found: dict[str, tuple[str, str]] = {}
    for file in sorted(sql_root().glob("*/objects/*/*.sql")):
        place = (file.parents[2].name, file.parent.name)
        if place not in NOUNS:
            raise IncompletePageError(f"docs/generators/nouns.py has no heading for {'/'.join(place)}")
        found |= dict.fromkeys(_DECLARED.findall(file.read_text(encoding="utf-8")), place)
    return found
