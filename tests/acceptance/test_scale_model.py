"""The model of docs/concepts/scale.md, compared with the recorded results of the benchmark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import model, senders, webhooks
from bench.lines import Line, lines
from bench.report import RESULTS

IDLE = 2.5
"""Load of the machine below which nothing but the benchmark itself was running."""


def recorded(group: str) -> list[Line]:
    return [
        line
        for path in sorted(RESULTS.glob("postgresql-*.json"))
        for line in lines(json.loads(path.read_text(encoding="utf-8"))["rows"])
        if line.group == group
    ]


def predicted(line: Line, number: int, latency: float, cores: int = 2) -> float:
    """Return what the model says about senders on one machine with PostgreSQL, from their CPU."""
    cpu, sql = line.client_cpu_us / 1e6, (line.server_cpu_us or 0) / 1e6
    one = model.sender_rate(senders.CONCURRENCY, latency, cpu)
    return min(model.target_rate([one] * number, sql), model.machine_rate(cores, cpu + sql))


def test_the_model_is_close_to_the_recorded_rates_of_one_sender() -> None:
    """The receiver on the same cores is not in the model, so the model is higher."""
    found = [line for line in recorded(webhooks.GROUP) if line.system.startswith("iu deliver")]
    assert len(found) >= 3
    ratios = {line.label + line.system: line.rate / predicted(line, 1, 0) for line in found}
    assert all(0.7 <= ratio <= 1.05 for ratio in ratios.values()), ratios


def test_no_recorded_rate_of_several_senders_is_higher_than_the_model() -> None:
    found = recorded(senders.GROUP)
    if not found:
        pytest.skip("no rates of several senders are recorded: python -m bench --only senders --keep")
    for line in found:
        latency = int(line.system.split()[-2]) / 1000
        ratio = line.rate / predicted(line, int(line.label), latency)
        assert ratio <= 1.05, (line.system, line.label, ratio)
        if line.extra["load"] < IDLE and latency and line.label in ("1", "2"):
            assert ratio >= 0.7, (line.system, line.label, ratio)


def test_the_model_has_the_limits_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "scale.md").read_text(encoding="utf-8")
    one = model.sender_rate(64, 0.1, 136e-6)
    assert one == pytest.approx(640)
    assert model.sender_rate(64, 0.02, 136e-6) == pytest.approx(3200)
    assert round(model.sender_rate(64, 0, 136e-6), -2) == 7400
    assert model.senders_needed(2500, one) == 4
    assert round(model.target_rate([one] * 64, 77e-6), -3) == 13_000
    assert model.target_rate([one] * 64, 77e-6, per_minute=600) == 10
    assert model.database_rate(16, 92e-6, 1500) == pytest.approx(174_000, rel=0.01)
    assert model.database_rate(16, 92e-6, 1500, 100e6) == pytest.approx(66_667, rel=0.01)
    assert model.databases_per_daemon(5, 0.014, 4, 10, 1) == 10
    assert model.databases_per_daemon(5, 0.014, 4, 10_000, 0.01) == 1428
    for text in ("640 deliveries", "3,200 after 20 ms", "7,400", "about 13,000", "≈ 1,400 sensors"):
        assert text in page
