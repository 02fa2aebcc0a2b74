"""The built wheel, installed outside the checkout: it migrates a database and links to its code."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

import by_hand
import iu_pipelines
from acceptance import wheels
from iu_pipelines.db.gateway import Gateway


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a new environment with the wheel; dependencies come from the present environment."""
    tmp_path = tmp_path_factory.mktemp("wheel")
    return wheels.install(wheels.build(tmp_path), tmp_path / "venv")


REFERENCES = """
import json
from iu_pipelines.definitions import defs
nodes = [defs.resolve_asset_graph().get(key) for key in defs.resolve_asset_graph().get_all_asset_keys()]
found = [node.metadata.get("dagster/code_references") for node in nodes]
print(json.dumps([reference.url for one in found if one for reference in one.code_references]))
"""


def ended(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command with this environment's dependencies but no editable install."""
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def run(*command: str, cwd: Path | None = None) -> str:
    """Return the output of a command that succeeds."""
    done = ended(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(*command: str, cwd: Path) -> str:
    """Return the errors of a command that fails."""
    done = ended(*command, cwd=cwd)
    assert (done.returncode != 0, done.stdout) == (True, "")
    return done.stderr


def test_an_installed_wheel_migrates_an_empty_database(
    installed: Path, tmp_path: Path, empty_database: str
) -> None:
    where = run(str(installed / "python"), "-c", "import iu_pipelines as i; print(i.__file__)", cwd=tmp_path)
    assert where.startswith(str(installed.parent))
    run(str(installed / "iu"), "migrate", "--database-url", empty_database, cwd=tmp_path)
    run(str(installed / "iu"), "verify", "--database-url", empty_database, cwd=tmp_path)
    gates = run(str(installed / "iu"), "gate", "show", "--database-url", empty_database, cwd=tmp_path)
    assert "iu_core.routes_enabled" in gates
    with Gateway(empty_database) as gateway:
        assert gateway.fetch_value("select count(*) from public.iu_schema_step") >= 10


def test_psql_installs_the_steps_of_an_installed_wheel_from_the_path_that_it_prints(
    installed: Path, tmp_path: Path, empty_database: str
) -> None:
    iu = str(installed / "iu")
    plan = json.loads(run(iu, "migrate", "--plan", "--json", "--database-url", empty_database, cwd=tmp_path))
    for step in plan:
        named = f"{step['module']}/runtime/{step['name']}.sql"
        command = f'"$0" -X -q -1 -v ON_ERROR_STOP=1 -d "$1" -f "$("$2" sql path)/{named}"'
        run("sh", "-c", command, by_hand.program(), empty_database, iu, cwd=tmp_path)
    run(iu, "verify", "--database-url", empty_database, cwd=tmp_path)


def test_the_urls_of_a_release_lead_from_code_to_its_repository_and_from_a_hint_to_its_site(
    installed: Path, tmp_path: Path
) -> None:
    python = str(installed / "python")
    assert json.loads(run(python, "-W", "error", "-c", REFERENCES, cwd=tmp_path)) == []
    iu = str(installed / "iu")
    without_a_file = [iu, "fleet", "status"]
    assert "page:" not in refused(*without_a_file, cwd=tmp_path)
    assert "Documentation:" not in run(iu, "--help", cwd=tmp_path)
    described = next(installed.parent.rglob("iu_pipelines-*.dist-info")) / "METADATA"
    text = described.read_text(encoding="utf-8")
    urls = {"Source": "https://github.com/owner/name", "Documentation": "https://owner.github.io/name"}
    lines = "".join(f"Project-URL: {label}, {url}\n" for label, url in urls.items())
    described.write_text(f"{lines}{text}", encoding="utf-8")
    assert run(iu, "--help", cwd=tmp_path).endswith("\nDocumentation: https://owner.github.io/name\n")
    assert refused(*without_a_file, cwd=tmp_path).splitlines()[1:] == [
        "hint:  Name it with --file or IU_FLEET_FILE (docs/operate/fleet.md).",
        "page:  https://owner.github.io/name/operate/fleet.html",
    ]
    links = json.loads(run(python, "-W", "error", "-c", REFERENCES, cwd=tmp_path))
    prefix = f"https://github.com/owner/name/tree/v{iu_pipelines.__version__}/"
    paths = {link.removeprefix(prefix).partition("#")[0] for link in links}
    assert {"iu_pipelines/defs/health.py", "sql/iu-core/runtime/050_worker.sql"} <= paths
    assert [path for path in paths if not (wheels.CHECKOUT / path).is_file()] == []
