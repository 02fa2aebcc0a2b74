"""A project of somebody else, with an executor, loggers and assets of its own, that mounts two outboxes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pages
from databases import Server
from defs.code_location import attempts_in, emit_one
from defs.delivering import ENVIRONMENT, SECRET
from delivery.receiver import Receiver
from delivery.world import World, url_of
from iu_pipelines.db.gateway import Gateway

pytest.importorskip("dagster_dg_cli")

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
DOCUMENT = "docs/operate/dagster.md"

SUMMARY = """
import json
from shop.definitions import defs
repository = defs().get_repository_def()
jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
print(json.dumps({
    "executors": {job.name: job.executor_def.name for job in jobs},
    "implicit": repository.get_implicit_global_asset_job_def().executor_def.name,
    "loggers": sorted(repository.get_job("sales_job").loggers),
    "assets": sorted(key.to_user_string() for key in repository.assets_defs_by_key),
    "resources": sorted(repository.get_top_level_resources()),
    "automation": sorted(one.name for one in (*repository.schedule_defs, *repository.sensor_defs)),
}))
"""

# Dagster warns about its own use of an old function of pydantic.
NO_WARNING = ("-W", "error", "-W", "ignore:`parse_obj_as` is deprecated")


def run(project: Path, *command: str, **variables: str) -> str:
    """Run a program of this environment in the project, and return its output, which has no warning."""
    code, output = execute(project, *command, **variables)
    assert code == 0, output
    assert "warning" not in output.lower()
    return output


def execute(project: Path, *command: str, **variables: str) -> tuple[int, str]:
    """Run a program of this environment in the project, and return its exit code and output."""
    path = os.pathsep.join([str(project / "src"), str(REPOSITORY)])
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [program, *command[1:]],
        cwd=project,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "400", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def scaffold(project: Path, name: str, *options: str) -> Path:
    """Scaffold an outbox, and return its folder."""
    run(project, "dg", "scaffold", "defs", "iu_pipelines.OutboxComponent", name, *options)
    return project / "src" / "shop" / "defs" / name


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, in which `dg scaffold defs` has written the component `orders`."""
    project = tmp_path_factory.mktemp("stranger") / "shop"
    shutil.copytree(HERE / "strangers_project", project, ignore=shutil.ignore_patterns("__pycache__"))
    (command,) = pages.code(DOCUMENT, "In a code location of your own", "sh")
    run(project, *shlex.split(command))
    return project


@pytest.fixture(scope="module")
def summary(project: Path) -> dict[str, Any]:
    """What the project defines, loaded in Python with warnings as errors."""
    loaded: dict[str, Any] = json.loads(run(project, "python", *NO_WARNING, "-c", SUMMARY))
    return loaded


def test_the_scaffolded_file_is_the_example_of_the_documentation(project: Path) -> None:
    (example,) = pages.code(DOCUMENT, "component", "yaml")
    written = project / "src" / "shop" / "defs" / "orders" / "defs.yaml"
    assert written.read_text(encoding="utf-8") == example


@pytest.mark.parametrize("command", [("check", "yaml"), ("check", "defs"), ("list", "defs")])
def test_dg_accepts_the_project_without_a_warning(project: Path, command: tuple[str, str]) -> None:
    run(project, "dg", *command)


def test_dg_names_an_unknown_key_of_an_outbox_its_line_and_the_known_keys(
    project: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "shop"
    shutil.copytree(project, copy)
    file = copy / "src" / "shop" / "defs" / "orders" / "defs.yaml"
    lines = file.read_text(encoding="utf-8").replace(" workers:", " worker:").splitlines()
    file.write_text("\n".join(lines), encoding="utf-8")
    code, said = execute(copy, "dg", "check", "yaml")
    assert code == 1
    (place,) = [number for number, line in enumerate(lines, 1) if line.strip().startswith("worker:")]
    assert f"defs.yaml:{place} - iu_pipelines.OutboxComponent attributes.outboxes.0.worker " in said
    assert "'worker' is not one of ['name', 'database_url_variable', 'workers', " in said
    assert "schemas" not in said


def test_dg_lists_the_component_by_its_public_name(project: Path) -> None:
    listed = run(project, "dg", "list", "components")
    assert set(re.findall(r"iu_pipelines[\w.]+", listed)) == {
        "iu_pipelines.FleetComponent",
        "iu_pipelines.OutboxComponent",
    }


@pytest.mark.parametrize("name", ["Web-Shop", "3"])
def test_an_outbox_scaffolded_in_any_folder_and_format_has_a_valid_name(
    project: Path, tmp_path: Path, name: str
) -> None:
    copy = tmp_path / "shop"
    shutil.copytree(project, copy)
    scaffold(copy, name, "--format", "yaml" if name == "3" else "python")
    run(copy, "dg", "check", "yaml")
    run(copy, "dg", "check", "defs")


def test_a_fleet_is_scaffolded_as_its_page_shows(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "shop"
    shutil.copytree(project, copy)
    (command,) = pages.code("docs/operate/fleet.md", "In Dagster", "sh")
    run(copy, *shlex.split(command))
    made = copy / "src" / "shop" / "defs" / "shops"
    assert {path.name for path in made.iterdir()} == {"defs.yaml", "fleet.yaml"}


def test_each_job_has_the_executor_of_its_owner(summary: dict[str, Any]) -> None:
    owners = {"sales": "shop_executor", "orders": "in_process", "billing": "billing_executor"}
    assert {name.split("_", 1)[0] for name in summary["executors"]} == set(owners)
    for name, executor in summary["executors"].items():
        assert executor == owners[name.split("_", 1)[0]], name
    assert summary["implicit"] == "shop_executor"


def test_the_logger_of_the_project_stays_its_only_one(summary: dict[str, Any]) -> None:
    assert summary["loggers"] == ["shop"]


def test_no_names_collide(summary: dict[str, Any]) -> None:
    ours = [name for name in summary["assets"] if name != "sales"]
    assert {name.split("/")[0] for name in ours} == {"orders", "billing"}
    named = {name.split("_")[0] for name in summary["automation"]}
    assert named == {"orders", "billing", "gateway"}
    assert summary["resources"] == [
        *("billing_gateway", "billing_sender", "gateway", "orders_gateway", "orders_sender"),
    ]


def test_jobs_of_the_project_and_of_both_outboxes_run(
    project: Path, tmp_path: Path, database: str, second_database: str
) -> None:
    def launch(job: str, partition: str) -> None:
        run(
            project, "dg", "launch", "--job", job, "--partition", partition,
            DAGSTER_HOME=str(tmp_path), ORDERS_DATABASE_URL=database, BILLING_DATABASE_URL=second_database,
        )  # fmt: skip

    emit_one(database)
    emit_one(second_database)
    launch("sales_job", "2026-01-02")
    launch("orders_route_worker_job", "iu_outbound_default")
    assert (attempts_in(database), attempts_in(second_database)) == (1, 0)
    launch("billing_route_worker_job", "iu_outbound_default")
    assert (attempts_in(database), attempts_in(second_database)) == (1, 1)


def test_an_outbox_of_the_project_delivers_by_the_login_of_its_own_variable(
    project: Path, tmp_path: Path, new_database: Callable[[str], str], delivery_template: str, server: Server
) -> None:
    url = new_database(delivery_template)
    with Receiver(tmp_path / "receiver") as receiver, Gateway(url) as owner:
        world = World(owner, url, f"iu_test_sender_{os.getpid()}")
        world.add_private_target("hook", receiver.url("/hook"), secret_name=SECRET)
        world.add_route("shop.paid", "version_applied", "hook")
        world.open_gates()
        (event,) = world.emit(1)
        run(
            project, "dg", "launch", "--job", "billing_delivery_job", DAGSTER_HOME=str(tmp_path),
            ORDERS_DATABASE_URL=url, BILLING_DATABASE_URL=url,
            BILLING_SENDER_URL=url_of(url, world.login), **ENVIRONMENT,
        )  # fmt: skip
        world.close()
        assert [one.key.split("_")[1] for one in receiver.requests()] == [event.hex]
