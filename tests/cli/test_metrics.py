"""`iu metrics`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.running import Iu
from deploy.busy_outbox import LATE_WORKER, fill, fill_deliveries
from domain.samples import ROUTE, add_letter
from iu_pipelines import __version__
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import status
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.hosting.exposition import METRICS

PROMTOOL = shutil.which("promtool")
DOWN = ["iu_up 0.0", f'iu_build_info{{version="{__version__}"}} 1.0']


def values(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def linted(text: str) -> str:
    """Return what promtool says against an exposition."""
    assert PROMTOOL
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr


@pytest.fixture
def busy_iu(command: Iu, new_database: Callable[[str], str], delivery_template: str) -> Iu:
    """Run `iu` on a database in which every metric has a value."""
    url = new_database(delivery_template)
    with Gateway(url) as gateway:
        fill(gateway)
        fill_deliveries(gateway, url)
    return lambda *words: command(*words, "--database-url", url)


def test_metrics_prints_a_value_of_every_metric(busy_iu: Iu) -> None:
    done = busy_iu("metrics")
    assert (done.code, done.err) == (0, "")
    families = {family.name: family for family in text_string_to_metric_families(done.out)}
    declared = {metric.name.removesuffix("_total"): metric for metric in METRICS}
    assert {*families} == {*declared}
    for name, family in families.items():
        assert family.type == declared[name].kind, name
        assert family.documentation == declared[name].help, name
        for sample in family.samples:
            assert sample.name == declared[name].name
            assert {*sample.labels} == {*declared[name].labels}, name
    assert f'iu_worker_backlog_events{{worker="{LATE_WORKER}"}} 4.0' in done.out


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: install the distribution's prometheus")
def test_the_names_and_the_format_follow_the_conventions_of_prometheus(busy_iu: Iu) -> None:
    printed = busy_iu("metrics").out
    assert linted(printed) == ""
    assert "counter metrics should have" in linted(printed.replace("_emitted_total", "_emitted"))


def test_open_letters_are_counted_by_cause_and_more_of_them_are_a_lower_bound(
    iu: Iu, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        add_letter(gateway, ROUTE, key=f"test:{number}")
    add_letter(gateway, None, key="test:none")
    gateway.execute("update public.iu_route_dead_letter set failure_detail = '22012 division by zero'")
    printed = values(iu("metrics").out)
    labels = f'failure_code="worker_process_error",route="{{}}",sqlstate="22012",worker="{DEFAULT_WORKER}"'
    for route, letters in ((ROUTE, 3), ("", 1)):
        assert f"iu_dead_letters_open{{{labels.format(route)}}} {letters}.0" in printed
    assert "iu_dead_letters_capped 0.0" in printed
    monkeypatch.setattr(status, "COUNTED_LETTERS", 2)
    assert "iu_dead_letters_capped 1.0" in values(iu("metrics").out)


def test_metrics_as_json_has_the_numbers(iu: Iu, gateway: Gateway) -> None:
    fill(gateway)
    found = iu("metrics", "--json").json
    assert [worker["backlog"] for worker in found["status"]["workers"][:2]] == [2, 4]
    assert found["totals"]["replays"] == 1


def test_without_a_database_the_output_says_so_and_the_exit_code_is_1(no_iu: Iu) -> None:
    done = no_iu("metrics")
    assert done.code == 1
    assert values(done.out) == DOWN
    assert done.err.startswith("error: ")
    done = no_iu("metrics", "--json")
    assert (done.code, done.out) == (1, "")
    assert done.error["message"]


def test_before_migrate_the_hint_names_the_command(empty_iu: Iu) -> None:
    done = empty_iu("metrics")
    assert done.code == 1
    assert values(done.out) == DOWN
    assert "Run: iu migrate" in done.err


@pytest.mark.parametrize("option", [("--port", "4500"), ("--host", "127.0.0.1")])
def test_an_address_without_serve_is_refused(kept_iu: Iu, option: tuple[str, str]) -> None:
    done = kept_iu("metrics", *option)
    assert (done.code, done.out) == (2, "")
    assert "no effect without --serve" in done.err
