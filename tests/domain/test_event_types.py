"""The domain functions of event types."""

from __future__ import annotations

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import event_types


def test_the_registered_types_are_listed(gateway: Gateway) -> None:
    assert [
        (item.event_type, item.event_stream, item.enabled) for item in event_types.list_types(gateway)
    ] == [
        ("sql_link_created", "update", True),
        ("structure_piece_split", "update", True),
        ("version_applied", "update", True),
    ]
