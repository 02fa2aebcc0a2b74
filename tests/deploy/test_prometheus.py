"""The alert rules with their unit tests and runbooks, and a real Prometheus that scrapes the endpoint."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import pages
from deploy import monitoring
from deploy.busy_outbox import LATE_WORKER, fill, fill_deliveries
from deploy.monitoring import MISSING, PROJECT, PROMETHEUS, PROMTOOL, RULE_TESTS, RULES, RUNBOOK
from dev_server import free_port
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import health
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.hosting.exposition import METRICS
from metrics_endpoint import served
from process_groups import start
from waiting import eventually

NEEDS_PROMTOOL = pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
ALERTS = [rule["alert"] for rule in monitoring.rules()]


def unit_tests(folder: Path, rules: str, alert: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the unit tests of the rules, or only those of one alert, with another text of the rules."""
    assert PROMTOOL
    read = yaml.safe_load(RULE_TESTS.read_text(encoding="utf-8"))
    read["tests"] = [
        test for test in read["tests"] if alert in (None, test["alert_rule_test"][0]["alertname"])
    ]
    (folder / RULE_TESTS.name).write_text(yaml.safe_dump(read), encoding="utf-8")
    (folder / RULES.name).write_text(rules, encoding="utf-8")
    return subprocess.run(
        [PROMTOOL, "test", "rules", folder / RULE_TESTS.name],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def with_expression(alert: str, expression: str) -> str:
    """Return the text of the rules with another expression of one alert."""
    read = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for rule in read["groups"][0]["rules"]:
        if rule["alert"] == alert:
            rule["expr"] = expression
    return str(yaml.safe_dump(read))


@NEEDS_PROMTOOL
def test_promtool_accepts_the_rules_and_their_unit_tests_pass(tmp_path: Path) -> None:
    assert PROMTOOL
    subprocess.run([PROMTOOL, "check", "rules", RULES], check=True, timeout=60)
    done = unit_tests(tmp_path, RULES.read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stdout + done.stderr


@NEEDS_PROMTOOL
@pytest.mark.parametrize("expression", ["vector(1) == 0", "vector(1)"], ids=["never fires", "always fires"])
@pytest.mark.parametrize("alert", ALERTS)
def test_a_rule_that_never_or_always_fires_fails_the_unit_tests(
    tmp_path: Path, alert: str, expression: str
) -> None:
    assert unit_tests(tmp_path, RULES.read_text(encoding="utf-8"), alert).returncode == 0
    assert unit_tests(tmp_path, with_expression(alert, expression), alert).returncode != 0


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    cases = [
        (check["alertname"], bool(check["exp_alerts"]))
        for test in yaml.safe_load(RULE_TESTS.read_text(encoding="utf-8"))["tests"]
        for check in test["alert_rule_test"]
    ]
    assert {alert for alert, _ in cases} == {*ALERTS}
    assert {(alert, fires) for alert in ALERTS for fires in (True, False)} == {*cases}


@pytest.mark.parametrize("rule", monitoring.rules(), ids=ALERTS)
def test_every_alert_has_a_severity_a_summary_and_a_runbook(rule: dict[str, Any]) -> None:
    page = (PROJECT / RUNBOOK).read_text(encoding="utf-8")
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["runbook_url"] == f"{RUNBOOK}#{rule['alert'].lower()}"
    assert re.search(rf"^### {rule['alert']}$", page, re.MULTILINE)


def test_the_page_has_a_runbook_for_every_alert_and_no_other() -> None:
    page = (PROJECT / RUNBOOK).read_text(encoding="utf-8")
    assert Counter(re.findall(r"^### (Iu\w+)$", page, re.MULTILINE)) == Counter(ALERTS)


@pytest.mark.parametrize("rule", monitoring.rules(), ids=ALERTS)
def test_every_metric_of_an_alert_exists(rule: dict[str, Any]) -> None:
    assert monitoring.unknown_names(rule["expr"]) == []


def test_a_metric_of_an_alert_that_does_not_exist_is_noticed() -> None:
    assert monitoring.unknown_names('iu_upp{a="iu_b"} == 0 and iu_up') == ["iu_upp"]


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus, which scrapes the endpoint of `outbox` every second."""

    port: int
    outbox: Gateway

    def ask(self, path: str, **given: str) -> Any:
        """Return `data` of an answer of its HTTP API."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(given)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            read = json.loads(answer.read())
        assert read["status"] == "success", read
        return read["data"]

    def value(self, expression: str) -> float:
        (sample,) = self.ask("query", query=expression)["result"]
        return float(sample["value"][1])


@pytest.fixture(scope="module")
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, server: Any, delivery_template: str
) -> Iterator[Prometheus]:
    """A real Prometheus with the configuration of the page, on the endpoint of an outbox with values."""
    if PROMETHEUS is None:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("prometheus")
    name = f"iu_scraped_{os.getpid()}"
    database = server.create(name, delivery_template)
    with Gateway(database) as gateway, served(folder, database) as (_, scraped):
        fill(gateway)
        fill_deliveries(gateway, database)
        port = free_port()
        configuration = folder / "prometheus.yml"
        configuration.write_text(configured(scraped), encoding="utf-8")
        group = start(
            folder / "prometheus.log", os.environ, PROMETHEUS, f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
        )  # fmt: skip
        try:
            group.wait_for("Server is ready to receive web requests")
            found = Prometheus(port, gateway)
            eventually(lambda: found.ask("query", query="iu_up")["result"], "a scrape", pause=0.2)
            yield found
        finally:
            group.kill()
    server.drop(name)


def configured(port: int) -> str:
    """Return the scrape configuration of the page with this port, and with a scrape in every second."""
    (text,) = pages.code("docs/operate/monitoring.md", "prometheus.yml", "yaml")
    read = yaml.safe_load(text)
    (job,) = read["scrape_configs"]
    assert job["static_configs"][0]["targets"] == ["127.0.0.1:4500"]
    job["static_configs"][0]["targets"] = [f"127.0.0.1:{port}"]
    read["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    job.pop("scrape_interval")
    job.pop("scrape_timeout")
    read["rule_files"] = [str(RULES)]
    return str(yaml.safe_dump(read))


def test_prometheus_scrapes_the_endpoint_and_answers_its_values(prometheus: Prometheus) -> None:
    (target,) = prometheus.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    report = health.read(prometheus.outbox, DEFAULT_WORKER)
    assert prometheus.value("iu_up") == 1
    assert prometheus.value(f'iu_worker_backlog_events{{worker="{DEFAULT_WORKER}"}}') == report.backlog == 2
    assert prometheus.value(f'iu_worker_backlog_events{{worker="{LATE_WORKER}"}}') == 4
    assert report.last_progress_at
    assert prometheus.value("iu_worker_last_progress_timestamp_seconds") == pytest.approx(
        report.last_progress_at.timestamp(), abs=0.01
    )


def test_prometheus_has_the_type_and_the_help_of_every_metric(prometheus: Prometheus) -> None:
    known = prometheus.ask("metadata")  # without _total, if it asked for the format of OpenMetrics
    for metric in METRICS:
        (said,) = known.get(metric.name) or known[metric.name.removesuffix("_total")]
        assert (said["type"], said["help"]) == (metric.kind, metric.help)


def test_every_panel_of_the_dashboard_has_data(prometheus: Prometheus) -> None:
    without: list[str] = []

    def all_have_data() -> bool:
        without[:] = [
            expression
            for expression in monitoring.expressions(monitoring.dashboard())
            if not prometheus.ask("query", query=expression)["result"]
        ]
        return not without

    try:
        eventually(all_have_data, pause=0.5)
    except AssertionError:
        raise AssertionError(f"no data: {without}") from None


def test_prometheus_loads_the_rules_and_an_alert_becomes_pending(prometheus: Prometheus) -> None:
    (group,) = prometheus.ask("rules")["groups"]
    assert {rule["name"] for rule in group["rules"]} == {*ALERTS}

    def states() -> dict[str, str]:
        (loaded,) = prometheus.ask("rules")["groups"]
        return {rule["name"]: rule["state"] for rule in loaded["rules"] if rule["health"] == "ok"}

    expected = {"IuDeadLettersOpen", "IuCaptureNotAttached", "IuRetentionHeld", "IuDomainUnread"}
    is_pending: Callable[[], bool] = lambda: all(states().get(name) == "pending" for name in expected)  # noqa: E731
    eventually(is_pending, "the alerts are pending", pause=0.3)
    assert states()["IuDatabaseDown"] == "inactive"
    assert states()["IuMetricsMissing"] == "inactive"
