"""A code location on a fresh database, with a temporary Dagster instance."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import dagster as dg
import pytest

from databases import Server
from defs.code_location import ROUTE, Location
from defs.delivering import ENVIRONMENT, Delivering
from defs.handling import Handling
from delivery.receiver import Receiver
from delivery.world import World
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.domain import outbox


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The IU_HOME of one test, where packs of evidence are written."""
    monkeypatch.setenv("IU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def empty_instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the files of an instance without runs. Copying them is faster than creating the tables again."""
    path = tmp_path_factory.mktemp("instance")
    with opened(path) as instance:
        assert instance.get_runs() == []
        assert list(instance.all_asset_keys()) == []
    return path


@pytest.fixture
def instance(
    request: pytest.FixtureRequest, empty_instance: Path, tmp_path: Path
) -> Iterator[dg.DagsterInstance]:
    """Yield an instance in memory, or in files if the test has the mark `stored`: schedules open it again."""
    if request.node.get_closest_marker("stored"):
        shutil.copytree(empty_instance, tmp_path / "instance")
        with opened(tmp_path / "instance") as instance:
            yield instance
    else:
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance


def opened(path: Path) -> dg.DagsterInstance:
    """Open the instance in `path`, with one event log for all runs instead of a database for each."""
    storage = {
        "module": "dagster._core.storage.event_log",
        "class": "ConsolidatedSqliteEventLogStorage",
        "config": {"base_dir": str(path / "history")},
    }
    return dg.DagsterInstance.local_temp(str(path), overrides={"event_log_storage": storage})


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
    """Emit a number of events."""

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


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """Yield a receiver on loopback."""
    with Receiver(tmp_path / "receiver") as receiver:
        yield receiver


@pytest.fixture
def delivering(
    new_database: Callable[[str], str],
    delivery_template: str,
    server: Server,
    receiver: Receiver,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Delivering]:
    """Yield a live route to a receiver, and the code location with one asset for all targets."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    url = new_database(delivery_template)
    with Gateway(url) as owner:
        world = World(owner, url, f"iu_test_sender_{os.getpid()}")
        yield Delivering(world, receiver, instance)
        world.close()


@pytest.fixture
def handling(
    new_database: Callable[[str], str],
    delivery_template: str,
    server: Server,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Handling]:
    """Yield a database with the module, and a job for events of the target `search`, which a test adds."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    url = new_database(delivery_template)
    with Gateway(url) as owner:
        world = World(owner, url, f"iu_test_sender_{os.getpid()}")
        yield Handling(world, instance)
        world.close()
