"""One code location on a database of its own, and an instance that forgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import dagster as dg
import pytest

from defs.code_location import ROUTE, Location
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.domain import outbox


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of one test, where packs of evidence are written."""
    monkeypatch.setenv("IU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance of one test: in files, for a schedule asks for one that it can open again."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def second_database(new_database: Callable[[str], str], template: str) -> str:
    """Another fresh database with every step applied."""
    return new_database(template)


@pytest.fixture
def location(database: str, instance: dg.DagsterInstance) -> Location:
    """The code location on a fresh database with every step applied."""
    gateway = GatewayResource(database_url=database)
    return Location(build_defs(resources={"gateway": gateway}), instance)


@pytest.fixture
def emit(gateway: Gateway) -> Callable[[int], list[UUID]]:
    """Emit so many events."""

    def emit(count: int) -> list[UUID]:
        return outbox.emit_many(
            gateway,
            [
                outbox.NewEvent("version_applied", f"test/{place}", uuid4(), "test", {"place": place})
                for place in range(count)
            ],
        )

    return emit


@pytest.fixture
def live_route(gateway: Gateway) -> Callable[[bool], None]:
    """Make the route of version_applied live, which the engine refuses to serve, or dry-run again."""

    def switch(live: bool) -> None:
        gateway.run_script(
            f"""
            alter table public.iu_outbound_route drop constraint if exists dry_run_is_enforced;
            update public.iu_outbound_route set dry_run = {not live} where route_code = '{ROUTE}';
            """
        )

    return switch
