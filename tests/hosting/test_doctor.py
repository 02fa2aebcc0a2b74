"""The checks of packages, directories and Dagster."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from dev_server import Dev
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.doctor.findings import Finding, load_checks
from iu_pipelines.hosting import doctor
from iu_pipelines.hosting.doctor import packages, places
from iu_pipelines.hosting.doctor.machine import DAGSTER, ENVIRONMENT, MACHINE, Machine
from iu_pipelines.hosting.doctor.packages import Requirement, is_accepted, requirements
from iu_pipelines.hosting.doctor.report import examine
from iu_pipelines.hosting.ports import evidence_port
from iu_pipelines.settings import Settings

load_checks(doctor)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def look(home: Path, empty_database: str) -> Callable[..., dict[str, Finding]]:
    """Return a function that runs the checks of Dagster and this machine, with the text of a dagster.yaml."""

    def look(text: str | None = None, **settings: object) -> dict[str, Finding]:
        if text is not None:
            (home / "dagster").mkdir(parents=True, exist_ok=True)
            (home / "dagster" / "dagster.yaml").write_text(text, encoding="utf-8")
        chosen = Settings(home=home, **settings)  # type: ignore[arg-type]
        machine = Machine(chosen, empty_database, 3000)
        return {one.id: one for checks in (MACHINE, DAGSTER) for one in checks.findings(machine)}

    return look


Look = Callable[..., dict[str, Finding]]
OWN = "storage: {postgres: {postgres_url: {env: IU_DAGSTER_DATABASE_URL}}}\n"


def test_the_environment_of_the_tests_is_accepted() -> None:
    found = {one.id: one for one in ENVIRONMENT.findings(None)}
    assert {one.level for one in found.values()} <= {"ok", "note"}
    assert "psycopg" in found["python.packages"].found
    assert "dagster" in found["python.extras"].found


def test_the_requirements_have_their_ranges_and_extras() -> None:
    found = {(one.name, one.extra): one.range for one in requirements()}
    assert found["psycopg", None] in {"<4,>=3.3", ">=3.3,<4"}
    assert is_accepted("1.12.20", found["dagster", "dagster"])
    assert not is_accepted("1.12.19", found["dagster", "dagster"])
    assert not {"all", "dev"} & {extra for _, extra in found}


def test_a_package_of_an_unsupported_version_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [*requirements(), Requirement("rich", ">=1000", None), Requirement("no-such-package", "", None)]
    monkeypatch.setattr(packages, "requirements", lambda: iter(wanted))
    found = {one.id: one for one in ENVIRONMENT.findings(None)}["python.packages"]
    assert found.level == "problem"
    assert "(>=1000)" in found.found
    assert "no-such-package is missing" in found.found


def test_an_extra_of_which_a_package_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [
        *requirements(),
        Requirement("no-such-package", "", "evidence"),
        Requirement("none", "", "other"),
    ]
    monkeypatch.setattr(packages, "requirements", lambda: iter(wanted))
    found = {one.id: one for one in ENVIRONMENT.findings(None)}["python.extras"].found
    assert "incomplete: evidence lacks no-such-package" in found
    assert "not installed: other" in found


def test_before_the_first_start_of_iu_dev_there_is_nothing_to_say(look: Look, home: Path) -> None:
    found = look()
    assert found["dagster.directory"].level == "ok"
    assert not {"dagster.storage", "dagster.limits", "dagster.daemon"} & set(found)
    assert found["dagster.version"].level == "ok"
    assert not home.exists()


def test_a_file_without_limits_is_a_warning(look: Look) -> None:
    found = look(OWN)["dagster.limits"]
    assert found.level == "warning"
    assert "tags iu/worker, iu/replay, dagster/partition:" in found.found


def test_a_file_with_the_limits_is_accepted(look: Look) -> None:
    limit = {"limit": 1, "value": {"applyLimitPerUniqueValue": True}}
    tags = [{"key": key, **limit} for key in ("iu/worker", "iu/replay", "dagster/partition")]
    places_of_limits = (
        {"concurrency": {"runs": {"tag_concurrency_limits": tags}}},
        {"run_coordinator": {"config": {"tag_concurrency_limits": tags}}},
    )
    for place in places_of_limits:
        assert look(OWN + yaml.safe_dump(place))["dagster.limits"].level == "ok"
    tags[1]["limit"] = 2
    found = look(OWN + yaml.safe_dump(places_of_limits[0]))["dagster.limits"]
    assert (found.level, "iu/replay:" in found.found) == ("warning", True)


def test_sqlite_is_a_warning(look: Look) -> None:
    found = look("storage: {sqlite: {base_dir: x}}\n")
    assert found["dagster.storage"].level == "warning"
    assert "dagster.daemon" not in found


def test_a_file_that_is_not_yaml_is_a_problem_of_each_check_that_reads_it(look: Look) -> None:
    found = look("storage: {")
    assert {found[f"dagster.{name}"].level for name in ("directory", "limits", "storage", "daemon")} == {
        "problem"
    }
    assert "is not YAML" in found["dagster.directory"].found


def test_a_storage_that_does_not_exist_yet_is_a_note_and_is_not_created(
    look: Look, empty_database: str
) -> None:
    found = look(OWN)["dagster.storage"]
    assert (found.level, "_dagster" in found.found) == ("note", True)
    name = urlsplit(empty_database).path.lstrip("/")
    with Gateway(empty_database) as gateway:
        assert (
            gateway.fetch_value("select 1 from pg_database where datname = %s", (f"{name}_dagster",)) is None
        )


def test_a_storage_that_does_not_answer_is_a_problem_without_its_password(look: Look) -> None:
    found = look(OWN, dagster_database_url="postgresql://ann:hidden@127.0.0.1:1/dagster")["dagster.storage"]
    assert (found.level, "no server is listening" in found.found) == ("problem", True)
    assert "hidden" not in f"{found}"
    found = look("storage: {postgres: {postgres_url: 'postgresql+psycopg2://a:hidden@127.0.0.1:1/x'}}\n")[
        "dagster.storage"
    ]
    assert found.level == "problem"
    assert "hidden" not in f"{found}"


def test_a_directory_of_dagsters_own_commands_that_differs_is_a_warning(
    look: Look, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    assert look(OWN)["dagster.directory"].level == "ok"
    monkeypatch.setenv("DAGSTER_HOME", "/elsewhere")
    found = look(OWN)["dagster.directory"]
    assert (found.level, "/elsewhere" in found.found) == ("warning", True)


@pytest.fixture
def running(home: Path, empty_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dev]:
    monkeypatch.setenv("IU_DATABASE_URL", empty_database)
    dev = Dev(home)
    dev.evidence_port = evidence_port(dev.port)
    dev.start()
    yield dev
    dev.stop()
    with Gateway(empty_database) as gateway:
        gateway.execute(f'drop database "{urlsplit(empty_database).path.lstrip("/")}_dagster" with (force)')


def test_a_running_iu_dev_is_recognised_by_its_port_and_heartbeat(
    running: Dev, home: Path, empty_database: str
) -> None:
    def found() -> dict[str, Finding]:
        chosen = Settings(home=home, database_url=empty_database)  # type: ignore[arg-type]
        return {one.id: one for one in examine(lambda: chosen, running.port)}

    seen = found()
    assert "the web UI of Dagster" in seen["port.web"].found
    assert seen["port.evidence"].level == "ok"
    assert {seen[name].level for name in ("dagster.directory", "dagster.storage", "dagster.limits")} == {"ok"}
    storage = f"{empty_database.partition('?')[0]}_dagster"
    with Gateway(storage) as gateway:
        age = "update daemon_heartbeats set timestamp = timestamp - interval '1 hour'"
        for _ in range(100):
            if gateway.fetch_value("select count(*) from daemon_heartbeats") >= 4:
                break
            gateway.fetch_value("select pg_sleep(0.2)")
        assert found()["dagster.daemon"].level == "ok"
        gateway.execute(age)
    assert found()["dagster.daemon"].level == "warning"


def test_a_full_disk_is_a_warning(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look()["disk.home"].level == "ok"
    monkeypatch.setattr(places, "_LITTLE_SHARE", 1.1)
    assert look()["disk.home"].level == "warning"


def test_a_directory_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    if not _is_refused(tmp_path):
        pytest.skip("this user may write everywhere")
    chosen = Settings(home=tmp_path / "home")
    found = {one.id: one for one in MACHINE.findings(Machine(chosen, None, 3000))}
    assert found["disk.home"].level == "problem"
    tmp_path.chmod(0o700)


def _is_refused(place: Path) -> bool:
    place.chmod(0o500)
    try:
        (place / "file").touch()
    except OSError:
        return True
    return False


def test_a_port_that_another_process_has_taken_is_named_with_it(tmp_path: Path) -> None:
    code = (
        "import socket; taken = socket.create_server(('127.0.0.1', 0)); "
        "print(taken.getsockname()[1], flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        port = int(other.stdout.readline())
        found = {one.id: one for one in MACHINE.findings(Machine(Settings(home=tmp_path), None, port))}
        other.communicate("")
    assert f"is taken by process {other.pid} (python" in found["port.web"].found


def test_a_port_of_a_web_server_other_than_dagster_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = {one.id: one for one in MACHINE.findings(Machine(Settings(home=tmp_path), None, port))}
    assert found["port.web"].level == "warning"


def test_there_is_no_evidence_port_if_another_server_serves_the_packs(tmp_path: Path) -> None:
    chosen = Settings(home=tmp_path, evidence_url="https://example.org/evidence")  # type: ignore[arg-type]
    assert "port.evidence" not in {one.id for one in MACHINE.findings(Machine(chosen, None, 3000))}
