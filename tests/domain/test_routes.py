"""The domain functions of outbound routes."""

from __future__ import annotations

import pytest

from domain.samples import ROUTE, emit
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import attempts, routes, worker
from iu_pipelines.domain.routes import NewRoute
from iu_pipelines.errors import UnknownEventType


def test_an_added_route_is_dry_run_and_disabled_by_default(gateway: Gateway) -> None:
    route = routes.add(gateway, NewRoute("iu.second", "version_applied"))
    assert route is not None
    assert (route.enabled, route.dry_run) == (False, True)
    assert routes.add(gateway, NewRoute("iu.second", "version_applied")) is None
    assert route in routes.list_routes(gateway)


def test_an_event_with_two_enabled_routes_gives_two_attempts(gateway: Gateway) -> None:
    routes.add(gateway, NewRoute("iu.second", "version_applied", enabled=True))
    event_id = emit(gateway)
    worker.run_once(gateway, worker.DEFAULT_WORKER, 10)
    assert {attempt.route_code for attempt in attempts.for_event(gateway, event_id)} == {ROUTE, "iu.second"}


def test_an_event_whose_route_is_disabled_is_skipped(gateway: Gateway) -> None:
    switched = routes.set_enabled(gateway, ROUTE, False)
    assert switched is not None
    assert not switched.enabled
    event_id = emit(gateway)
    worker.run_once(gateway, worker.DEFAULT_WORKER, 10)
    (attempt,) = attempts.for_event(gateway, event_id)
    assert (attempt.decision, attempt.route_code) == ("skipped", None)


def test_enabling_an_unknown_route_returns_none(gateway: Gateway) -> None:
    assert routes.set_enabled(gateway, "nope", True) is None


def test_a_route_of_an_unknown_type_is_refused_with_its_name(gateway: Gateway) -> None:
    with pytest.raises(UnknownEventType, match="nope"):
        routes.add(gateway, NewRoute("iu.second", "nope"))
