"""A code location of a user: a job that writes when it begins and when it has handled each event."""

from __future__ import annotations

import os
import time
from typing import Any

import dagster as dg

from iu_pipelines import Event, Mount, build_defs, event_job


def _note(word: str, run_id: str, event: Event) -> None:
    facts = (word, event.key, event.attempt_no, event.sequence, event.subject_ref, run_id, os.getpid())
    file = os.open(os.environ["HANDLED_FILE"], os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(file, f"{' '.join(map(str, facts))}\n".encode())
    os.close(file)


@event_job(target="search")
def reindex(context: Any, event: Event) -> None:
    """Handle an event in as many seconds as the environment says."""
    _note("begin", context.run.run_id, event)
    time.sleep(float(os.environ["HANDLE_SECONDS"]))
    _note("end", context.run.run_id, event)


defs: dg.Definitions = build_defs(
    Mount(
        event_jobs=(reindex,),
        database_url_variable="OUTBOX_URL",
        sender_database_url_variable="OUTBOX_SENDER_URL",
        running=frozenset({"reindex_sensor"}),
    )
)
