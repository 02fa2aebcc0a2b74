"""The body that the senders of the benchmark post: of the same length as that of an iu_pipelines delivery."""

from __future__ import annotations

import json
import uuid


def body(event_id: str) -> str:
    """Return the JSON text of one event with a payload of some 200 bytes."""
    key = f"evt_{uuid.UUID(event_id).hex}_1"
    payload = {
        "op": "update", "rev": 12345, "note": "x" * 56, "actor": "agent.writer.3", "unit_id": "0" * 32,
    }  # fmt: skip
    event = {
        "id": key, "type": "version_applied", "time": "2026-11-27T12:00:00.123456+00:00",
        "event_id": event_id, "domain": "iu", "stream": "update", "canonical_address": "BENCH/unit/12345",
        "subject_table": "information_unit", "subject_ref": event_id, "actor_ref": "bench",
        "classification": "internal_reference", "sequence": 12345, "replayed": False, "data": payload,
    }  # fmt: skip
    return json.dumps(event)
