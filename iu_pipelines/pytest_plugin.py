"""A plugin of pytest: the fixture `outbox_events`.

Write `pytest_plugins = ["iu_pipelines.pytest_plugin"]` in the `conftest.py` at the root of the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from iu_pipelines.emit import NewEvent
from iu_pipelines.testing import emitted_events

if TYPE_CHECKING:
    from iu_pipelines.callers_connection import CallersConnection


@pytest.fixture
def outbox_events() -> Callable[[CallersConnection], list[NewEvent]]:
    """Return `iu_pipelines.testing.emitted_events`: the events of an open transaction."""
    return emitted_events
