"""docs/how-to/write-a-target-kind.md: its distribution is installed, keeps the contract and delivers."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

import pages
from delivery.sending import emit
from delivery.world import DEPLOYMENT, World, url_of
from domain.test_plans import apply, brief, plan
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import routes
from iu_pipelines.errors import OutboxFileInvalid, TargetUnknown
from programs import PROJECT

_PAGE: Final = "docs/how-to/write-a-target-kind.md"
_NONE: Final[Mapping[str, str]] = {}
_FILE: Final = """
targets: {own: {kind: acme.sqs, address: "https://sqs.example.com/orders", senders: [LOGIN]}}
routes: {own.route: {event_type: version_applied, target: {kind: acme.sqs, ref: own}}}
"""
_FILES: Final = ("pyproject.toml", "acme_file.py", "test_contract.py")
_KINDS: Final = ("acme.sqs", "a.b", "acme.", ".sqs", "acme.sqs.x", "acme-x.sqs", "Acme.sqs", "acme", "")


def _run(site: Path, *words: str, cwd: Path | None = None, variables: Mapping[str, str] = _NONE) -> str:
    """Run a module of Python with the installed distribution, and return what it printed."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("IU_", "PYTEST_"))},
        "PYTHONPATH": os.pathsep.join((str(site), str(PROJECT))),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=cwd or site,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the distribution of the page."""
    directory = tmp_path_factory.mktemp("acme")
    for block in (
        *pages.code(_PAGE, "The distribution", "toml"),
        *pages.code(_PAGE, "The class"),
        *pages.code(_PAGE, "The contract"),
    ):
        name, _, code = block.removeprefix("# ").partition("\n")
        (directory / name).write_text(code, encoding="utf-8")
    assert sorted(path.name for path in directory.iterdir()) == sorted(_FILES)
    return directory


@pytest.fixture(scope="module")
def site(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the distribution into a directory of its own, and return that."""
    made = tmp_path_factory.mktemp("site")
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir")
    _run(made, *_commands()[0], *options, "--target", str(made), cwd=project)
    return made


def _commands() -> tuple[list[str], list[str]]:
    """Return the words by which the page installs the distribution and runs its tests."""
    (text,) = pages.code(_PAGE, "The contract", "sh")
    install, test = text.split("&&")
    return install.split(), test.split()


def test_the_kind_of_the_page_keeps_the_contract(site: Path, project: Path) -> None:
    said = _run(site, *_commands()[1], "-q", "-p", "no:cacheprovider", "-W", "error", cwd=project)
    assert " passed" in said
    assert "skipped" not in said


def test_events_are_delivered_by_the_kind_of_the_page(site: Path, world: World, tmp_path: Path) -> None:
    file = tmp_path / "events"

    def iu(*words: str, url: str = world.url, **variables: str) -> Any:
        given = {"IU_DATABASE_URL": url, **variables}
        return json.loads(_run(site, "iu_pipelines", *words, "--json", variables=given))

    (text,) = pages.code(_PAGE, "Use it", "sh")
    text = text.replace("/var/spool/acme/events", str(file)).replace("sender_login", world.login)
    added, _, _ = (iu(*shlex.split(line)[1:]) for line in text.splitlines())
    assert (added["kind"], added["warnings"]) == ("acme.file", [])
    world.promote("shop.archived")
    world.open_gates()
    events = emit(world, subjects=5, each=4, event_type="version_applied")
    login = url_of(world.url, world.login)
    report = iu("deliver", "--target", "archive", url=login, IU_DEPLOYMENT=DEPLOYMENT)
    assert report["targets"][0]["sent"] == len(events)
    lines: list[Mapping[str, Any]] = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert len({line["key"] for line in lines}) == len(lines) == len(events)
    numbers: dict[str, list[int]] = {}
    for line in lines:
        body = json.loads(line["body"])
        numbers.setdefault(body["subject_ref"], []).append(body["sequence"])
    assert all(found == sorted(found) for found in numbers.values())


def test_a_definition_is_checked_by_the_kind_of_others(site: Path, world: World) -> None:
    with pytest.raises(AssertionError, match="the address names no file"):
        _run(
            site, "iu_pipelines", "target", "add", "a", "--kind", "acme.file", "--address", "https://a.example/",
            variables={"IU_DATABASE_URL": world.url},
        )  # fmt: skip


def test_the_names_of_kinds_of_others_are_the_same_in_sql_and_python(world: World) -> None:
    for kind in _KINDS:
        known = world.owner.fetch_value("select public.fn_iu_target_kind_is_own(%s)", (kind,))
        assert known == routes.is_own_kind(kind), kind
    assert not world.owner.fetch_value("select public.fn_iu_target_kind_is_own(null)")
    assert not any(routes.is_own_kind(known.kind) for known in routes.target_kinds(world.owner))


def test_targets_and_routes_of_other_names_are_refused_with_a_hint(world: World) -> None:
    with pytest.raises(TargetUnknown) as refused:
        world.add_target("other", "pigeon")
    assert "kinds of your own, such as acme.sqs" in str(refused.value.hint)
    world.add_target("own", "acme.sqs")
    assert world.owner.execute(
        "insert into public.iu_outbound_route (route_code, event_type, target_kind, target_ref) "
        "values ('own.route', 'version_applied', 'acme.sqs', 'own')"
    )


def test_an_outbox_file_may_name_a_kind_of_others(world: World) -> None:
    text = _FILE.replace("LOGIN", world.login)
    assert {("add", "target", "own"), ("add", "route", "own.route")} <= set(
        brief(apply(world.owner, text).changes)
    )
    assert not plan(world.owner, text).changes


def test_without_the_module_a_kind_of_others_is_unknown(database: str) -> None:
    routed = "routes: {own.route: {event_type: version_applied, target: {kind: acme.sqs, ref: own}}}"
    with Gateway(database) as gateway, pytest.raises(OutboxFileInvalid) as refused:
        plan(gateway, routed)
    assert "no such kind of target: 'acme.sqs'" in str(refused.value)
