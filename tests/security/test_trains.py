"""The supported trains of Dagster: their bounds, and the job of continuous integration that tests them."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import programs

ROOT = Path(__file__).parents[2]
CORE = {"dagster", "dagster-webserver", "dagster-graphql", "dagster-dg-cli"}
PAGES = ("docs/operate/dagster.md", "docs/decisions/028-range-of-dagster-releases.md")


@pytest.fixture(scope="module")
def trains() -> ModuleType:
    return programs.load(".ci/trains.py")


def requirements() -> dict[str, str]:
    """The version ranges of Dagster's packages in pyproject.toml, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    every = chain(project["dependencies"], *project["optional-dependencies"].values())
    found = (re.fullmatch(r"(dagster[a-z0-9-]*)(.*)", requirement) for requirement in every)
    return {one[1]: one[2] for one in found if one}


def expected(core: str) -> dict[str, str]:
    """The version of each package in the train of `core`: libraries are 0.(minor + 16)."""
    _, minor, patch = core.split(".")
    of_a_library = f"0.{int(minor) + 16}.{patch}"
    return {name: core if name in CORE else of_a_library for name in requirements()}


def test_every_package_of_dagster_has_a_lower_and_an_upper_bound() -> None:
    ranges = requirements()
    assert {"dagster", "dagster-postgres", "dagster-dg-cli"} <= set(ranges)
    for name, bounds in ranges.items():
        assert re.fullmatch(r">=\d+\.\d+\.\d+,<[12]", bounds), name


@pytest.mark.parametrize("which", ["oldest", "newest"])
def test_the_packages_of_a_train_belong_together(
    which: str, trains: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    versions = trains.TRAINS[which]()
    assert versions == expected(versions["dagster"])


@pytest.mark.parametrize("page", PAGES)
def test_the_documentation_names_the_oldest_train(
    page: str, trains: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert f"Dagster {trains.oldest()['dagster']}" in (ROOT / page).read_text(encoding="utf-8")


def test_continuous_integration_runs_every_train(trains: ModuleType) -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert jobs["trains"]["strategy"]["matrix"]["dagster"] == list(trains.TRAINS)
    assert "trains" in jobs["passed"]["needs"]
