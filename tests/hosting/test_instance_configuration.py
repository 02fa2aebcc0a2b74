"""Configuration of Dagster's instance: dagster.yaml, and the URL of its storage."""

from __future__ import annotations

import json

import pytest
from dagster._core.instance.config import dagster_instance_config

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import UsageError
from iu_pipelines.hosting import instance_configuration
from iu_pipelines.settings import Settings, load


def test_dagster_yaml_is_valid_and_contains_no_password(chosen: Settings) -> None:
    directory = instance_configuration.render(chosen)
    path = directory / "dagster.yaml"
    assert path.stat().st_mode & 0o077 == 0
    assert chosen.database_url
    assert chosen.database_url.get_secret_value() not in path.read_text(encoding="utf-8")
    config, _ = dagster_instance_config(str(directory))
    assert config["storage"]["postgres"]["postgres_url"] == {"env": instance_configuration.STORAGE_VARIABLE}
    assert config["telemetry"]["enabled"] is False
    assert config["run_monitoring"]["enabled"] is True
    assert not [name for name in directory.iterdir() if name != path]


def test_rendering_again_changes_nothing(chosen: Settings) -> None:
    first = (instance_configuration.render(chosen) / "dagster.yaml").read_text(encoding="utf-8")
    assert (instance_configuration.render(chosen) / "dagster.yaml").read_text(encoding="utf-8") == first
    assert json.loads(first) == instance_configuration.configuration()


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
