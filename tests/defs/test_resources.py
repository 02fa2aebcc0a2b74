"""The database of a Dagster that iu does not run: without a URL nothing is started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from defs.code_location import Location, failure
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource, using
from iu_pipelines.errors import UsageError
from iu_pipelines.settings import load

NAMED = ("IU_DATABASE_URL", "`database_url_variable` of the mount", "iu dev")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory of somebody's Dagster, without any setting of iu."""
    monkeypatch.delenv("IU_HOME")
    folder = tmp_path / "their project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    if any(folder.iterdir()):
        EmbeddedServer(folder / ".iu").stop()


@pytest.fixture(params=[Mount(), Mount(database_url_variable="SHOP_URL")], ids=["settings", "variable"])
def mounted(request: pytest.FixtureRequest, instance: dg.DagsterInstance) -> Location:
    """The definitions in a code location without a URL of a database."""
    return Location(build_defs(request.param), instance)


def says_what_to_set(line: str) -> bool:
    """Return whether a line names the variable of the mount, or what the settings would need."""
    if line.startswith("SHOP_URL is not set"):
        return "Set SHOP_URL to the postgresql:// URL of this outbox" in line
    return line.startswith("no database is configured: ") and all(name in line for name in NAMED)


@pytest.mark.parametrize("job", ["route_worker_job", "evidence_job", "health_audit_job"])
def test_a_run_without_a_url_fails_in_one_line_that_says_what_to_set_and_starts_nothing(
    elsewhere: Path, mounted: Location, job: str
) -> None:
    result = mounted.run(job)
    assert not result.success
    line = failure(result)
    assert says_what_to_set(line)
    assert "\n" not in line
    assert list(elsewhere.iterdir()) == []


@pytest.mark.stored
@pytest.mark.parametrize("name", ["backlog_sensor", "dead_letter_replay_sensor", "route_worker_schedule"])
def test_a_tick_without_a_url_skips_with_that_line_and_starts_nothing(
    elsewhere: Path, mounted: Location, name: str
) -> None:
    tick = mounted.schedule(name) if name.endswith("schedule") else mounted.tick(name)
    message = tick.skip_message or ""
    assert message.startswith("refused: ")
    assert says_what_to_set(message.removeprefix("refused: "))
    assert list(elsewhere.iterdir()) == []


def test_a_url_in_the_environment_is_used(
    elsewhere: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_DATABASE_URL", database)
    with GatewayResource().open() as gateway:
        assert gateway.fetch_value("select 1") == 1
    assert list(elsewhere.iterdir()) == []


def test_the_embedded_server_is_started_in_iu_dev_and_in_a_run_of_iu_and_nowhere_else(
    own_server: EmbeddedServer, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_HOME", str(own_server.home))
    with pytest.raises(UsageError, match="no database is configured"), GatewayResource().open():
        pass
    with using(load(home=own_server.home)), GatewayResource().open() as gateway:
        assert gateway.fetch_value("select 1") == 1
    monkeypatch.setenv("IU_EMBEDDED", "true")
    with GatewayResource().open() as gateway:
        assert gateway.fetch_value("select 1") == 1
    assert list(elsewhere.iterdir()) == []
