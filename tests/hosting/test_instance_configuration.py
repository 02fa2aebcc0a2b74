"""The configuration that iu writes for Dagster's instance, and the URL of its storage."""

from __future__ import annotations

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import UsageError
from iu_pipelines.hosting import instance_configuration
from iu_pipelines.settings import Settings, load


def test_one_run_at_a_time_is_allowed_for_each_worker_and_each_partition() -> None:
    limits = instance_configuration.configuration()["concurrency"]["runs"]["tag_concurrency_limits"]
    assert {limit["key"] for limit in limits} == {"iu/worker", "iu/replay", "dagster/partition"}
    assert all(limit["value"] == {"applyLimitPerUniqueValue": True} for limit in limits)
    assert {limit["limit"] for limit in limits} == {1}


def test_the_default_storage_is_another_database_on_the_same_server(chosen: Settings, database: str) -> None:
    url = instance_configuration.storage_url(chosen)
    name = database.rsplit("/", 1)[1].partition("?")[0]
    assert url.startswith("postgresql+psycopg2://")
    assert f"/{name}_dagster" in url
    assert instance_configuration.storage_url(chosen) == url
    with Gateway(url.replace("+psycopg2", "")) as gateway:
        assert gateway.fetch_value("select current_database()") == f"{name}_dagster"


def test_a_configured_storage_url_is_used(chosen: Settings) -> None:
    own = load(home=chosen.home, dagster_database_url="postgres://ann@db.example/dagster")
    assert instance_configuration.storage_url(own) == "postgresql+psycopg2://ann@db.example/dagster"


@pytest.mark.parametrize("url", ["postgresql+psycopg://a:secret@h/d", "sqlite:///file", "db.example"])
def test_a_storage_url_with_another_scheme_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        instance_configuration.storage_url(load(dagster_database_url=url))
    assert instance_configuration.STORAGE_VARIABLE in refused.value.message
    assert "secret" not in refused.value.message
