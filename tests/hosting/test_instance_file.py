"""The file dagster.yaml: the one that iu writes, and that of a user, which is never replaced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

import pages
from iu_pipelines.cli.main import run
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import UsageError
from iu_pipelines.hosting import instance_file
from iu_pipelines.hosting.instance import check, open_instance
from iu_pipelines.hosting.instance_configuration import STORAGE_VARIABLE, configuration
from iu_pipelines.hosting.run_in_process import execute
from iu_pipelines.settings import Settings, load

STORAGE = "storage: {postgres: {postgres_url: {env: IU_DAGSTER_DATABASE_URL}}}\n"
LIMITED = f"# My own file.\n{STORAGE}concurrency: {{runs: {{max_concurrent_runs: 3}}}}\n"


@pytest.fixture
def path(chosen: Settings) -> Path:
    """The path of dagster.yaml in the home of the test, whose directory exists."""
    chosen.dagster_directory.mkdir(parents=True)
    return chosen.dagster_directory / "dagster.yaml"


def test_the_file_that_iu_writes_is_valid_private_and_contains_no_password(
    chosen: Settings, path: Path
) -> None:
    assert instance_file.ensure(chosen).is_own
    assert path.stat().st_mode & 0o077 == 0
    assert chosen.database_url
    assert chosen.database_url.get_secret_value() not in path.read_text(encoding="utf-8")
    config, _ = dagster_instance_config(str(path.parent))
    assert config["storage"]["postgres"]["postgres_url"] == {"env": STORAGE_VARIABLE}
    assert config["telemetry"]["enabled"] is False
    assert config["run_monitoring"]["enabled"] is True
    assert list(path.parent.iterdir()) == [path]


def test_the_file_that_iu_writes_is_the_same_each_time(chosen: Settings, path: Path) -> None:
    instance_file.ensure(chosen)
    first = path.read_text(encoding="utf-8")
    assert instance_file.ensure(chosen).is_own
    assert path.read_text(encoding="utf-8") == first
    assert yaml.safe_load(first) == configuration()


def test_a_file_that_another_version_of_iu_wrote_is_replaced(chosen: Settings, path: Path) -> None:
    instance_file._write(path, {"telemetry": {"enabled": True}})
    assert instance_file.ensure(chosen).is_own
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == configuration()


@pytest.mark.parametrize("change", [str, lambda text: yaml.safe_dump(json.loads(text))])
def test_the_file_that_0_1_0_wrote_is_replaced_unless_it_was_edited(
    chosen: Settings, path: Path, change: type[str]
) -> None:
    written = change((Path(__file__).parent / "dagster-0.1.0.yaml").read_text(encoding="utf-8"))
    path.write_text(written, encoding="utf-8")
    assert instance_file.ensure(chosen).is_own
    assert path.read_text(encoding="utf-8") != written
    edited = written.replace("90000", "80000")
    path.write_text(edited, encoding="utf-8")
    assert not instance_file.ensure(chosen).is_own
    assert path.read_text(encoding="utf-8") == edited


def test_a_file_of_iu_that_somebody_edits_is_from_then_on_the_users(chosen: Settings, path: Path) -> None:
    instance_file.ensure(chosen)
    edited = path.read_text(encoding="utf-8").replace('"max_concurrent_runs": 10', '"max_concurrent_runs": 3')
    path.write_text(edited, encoding="utf-8")
    file = instance_file.ensure(chosen)
    assert (file.is_own, path.read_text(encoding="utf-8")) == (False, edited)
    with open_instance(chosen) as instance:
        queue = instance.get_concurrency_config().run_queue_config
        assert queue
        assert queue.max_concurrent_runs == 3


def test_a_run_in_this_process_uses_a_users_file_and_leaves_it_byte_for_byte(
    chosen: Settings, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_HOME", str(chosen.home))
    path.write_bytes(LIMITED.encode())
    assert execute("health_audit_job", settings=chosen).success
    assert path.read_bytes() == LIMITED.encode()
    with open_instance(chosen) as instance:
        assert len(instance.get_runs()) == 1


def test_the_example_in_the_documentation_is_accepted(chosen: Settings, path: Path) -> None:
    (text,) = pages.code("docs/operate/dagster.md", "dagster.yaml", "yaml")
    path.write_text(text, encoding="utf-8")
    check(chosen)


def test_the_limits_in_the_documentation_are_those_that_iu_writes() -> None:
    (text,) = pages.code("docs/operate/dagster.md", "one run each", "yaml")
    assert yaml.safe_load(text) == {"concurrency": {"runs": configuration()["concurrency"]["runs"]}}


def test_a_storage_of_the_user_is_used_and_no_database_is_created_for_it(
    chosen: Settings, path: Path, tmp_path: Path
) -> None:
    path.write_text(
        f"storage: {{sqlite: {{base_dir: {json.dumps(str(tmp_path / 'runs'))}}}}}\n", encoding="utf-8"
    )
    unreachable = load(home=chosen.home, database_url="postgresql://127.0.0.1:1/none")
    file = instance_file.ensure(unreachable)
    assert (file.storage_environment(unreachable), file.storage_override(unreachable)) == ({}, {})
    with open_instance(unreachable) as instance:
        assert instance.get_runs() == []
    assert (tmp_path / "runs").is_dir()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("storage: {postgres", "is not YAML: line 1, column 19: while parsing a flow mapping"),
        ("- storage", "['storage'] is not a mapping of keys"),
        ("", "storage = None: Dagster would keep its runs in SQLite files"),
        ("telemetry: {enabled: false}", "storage = None: Dagster would keep its runs in SQLite files"),
        (
            "storage: {postgres: {postgres_url: 'postgresql://ann:secret@db/x'}}",
            "storage.postgres.postgres_url = 'postgresql://ann:***@db/x': Dagster's storage",
        ),
        (
            "storage: {postgres: {postgres_url: {env: THEIR_URL}}}",
            "storage.postgres.postgres_url = 'postgres://ann:***@db/x': Dagster's storage",
        ),
        (
            "storage: {postgres: {postgres_db: {username: a, hostname: h, db_name: d}}}",
            "storage.postgres.postgres_db.scheme = None: Dagster's storage requires the scheme",
        ),
    ],
)
def test_a_users_file_that_iu_cannot_use_is_refused_with_the_key_and_the_value(
    chosen: Settings, path: Path, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    monkeypatch.setenv("THEIR_URL", "postgres://ann:secret@db/x")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        instance_file.ensure(chosen)
    assert named in refused.value.message
    assert str(path) in refused.value.message
    assert "secret" not in refused.value.message
    assert refused.value.hint
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("run_lancher: {module: a, class: B}", 'Received unexpected config entry "run_lancher" at the root.'),
        ("run_monitoring: {enabled: perhaps}", 'root:run_monitoring:enabled. Value "perhaps"'),
        ("concurrency: {pools: {granularity: step}}", "Found value `step` for `granularity`"),
        ("run_launcher: {module: no.launcher, class: A, config: {}}", "Couldn't import module no.launcher"),
        (
            "compute_logs: {module: dagster._core.storage.noop_compute_log_manager, "
            "class: NoOpComputeLogManager, config: {bucket: a}}",
            'Received unexpected config entry "bucket"',
        ),
    ],
)
def test_a_users_file_that_dagster_refuses_is_refused_with_the_key_before_anything_starts(
    chosen: Settings, path: Path, text: str, named: str
) -> None:
    path.write_text(STORAGE + text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        check(chosen)
    assert named in refused.value.message
    assert str(path) in refused.value.message
    assert len(refused.value.message) < 500
    assert refused.value.hint


@pytest.mark.parametrize("text", ["telemetry: {enabled: false}", f"{STORAGE}run_lancher: {{}}"])
def test_iu_demo_refuses_a_users_file_before_it_changes_the_database(
    chosen: Settings,
    path: Path,
    gateway: Gateway,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("IU_HOME", str(chosen.home))
    path.write_text(text, encoding="utf-8")
    assert run(["demo", "--database-url", gateway.url]) == UsageError.exit_code
    assert str(path) in capsys.readouterr().err
    assert gateway.fetch_value("select count(*) from public.event_outbox") == 0


def test_a_file_that_cannot_be_read_is_refused_and_kept(chosen: Settings, path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        instance_file.ensure(chosen)
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        instance_file.ensure(chosen)
