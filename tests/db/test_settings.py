"""The settings: their sources, and errors for invalid values."""

from __future__ import annotations

from pathlib import Path

import pytest

from iu_pipelines import settings
from iu_pipelines.errors import UsageError


def test_defaults_apply_without_environment_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = settings.load()
    assert loaded.database_url is None
    assert loaded.home == tmp_path / ".iu"
    assert loaded.dagster_directory == tmp_path / ".iu" / "dagster"
    assert (loaded.worker_name, loaded.batch_limit) == ("iu_outbound_default", 1000)


def test_an_override_takes_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_BATCH_LIMIT", "50")
    monkeypatch.setenv("IU_WORKER_NAME", "night")
    assert settings.load().batch_limit == 50
    assert settings.load(batch_limit=7, worker_name=None).batch_limit == 7
    assert settings.load(worker_name=None).worker_name == "night"


def test_an_empty_variable_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_DATABASE_URL", "")
    assert settings.load().database_url is None


def test_a_relative_home_and_a_tilde_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("IU_HOME", "some where/iu")
    monkeypatch.setenv("IU_PG_BIN", "~/pg/bin")
    assert settings.load().home == tmp_path / "some where" / "iu"
    assert settings.load().pg_bin == Path("/home/ann/pg/bin")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("IU_BATCH_LIMIT", "many"),
        ("IU_BATCH_LIMIT", "0"),
        ("IU_BATCH_LIMIT", "1000000"),
        ("IU_WORKER_NAME", " "),
    ],
)
def test_an_invalid_setting_is_reported_with_its_value(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError) as caught:
        settings.load()
    assert f"{variable} = {value!r}" in caught.value.message


def test_the_password_of_the_url_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_DATABASE_URL", "postgresql://ann:s3cret@db.example/iu")
    assert "s3cret" not in repr(settings.load())


def test_the_store_of_evidence_is_a_url_or_an_absolute_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings.load().evidence_location == str(tmp_path / ".iu" / "evidence")
    monkeypatch.setenv("IU_EVIDENCE_STORE", "packs")
    assert settings.load().evidence_location == str(tmp_path / "packs")
    monkeypatch.setenv("IU_EVIDENCE_STORE", "sftp://ann:s3cret@host/packs")
    assert settings.load().evidence_location == "sftp://ann:s3cret@host/packs"
    assert "s3cret" not in repr(settings.load())


def test_the_sql_files_of_a_checkout_are_found() -> None:
    assert (settings.sql_root() / "iu-core" / "runtime").is_dir()
