"""The declarations on docs/operate/targets.md make the jobs, sensors and assets that the pages name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import dagster as dg
import yaml

import pages

TARGETS: Final = "docs/operate/targets.md"


def assert_has(definitions: dg.Definitions, job: str, sensor: str, *assets: str) -> None:
    made = definitions.resolve_job_def(job)
    assert {key.to_user_string() for key in made.asset_layer.executable_asset_keys} == set(assets)
    (found,) = [one for one in definitions.sensors or () if one.name == sensor]
    assert found.default_status == dg.DefaultSensorStatus.STOPPED


def test_a_function_becomes_a_job_a_sensor_and_an_asset() -> None:
    made = pages.run(TARGETS, "dagster_job")["defs"]
    assert_has(made, "send_receipt", "send_receipt_sensor", "iu_delivery/to_receipts")


def test_assets_become_a_job_between_the_deliveries_and_the_record() -> None:
    assert_has(
        pages.run(TARGETS, "dagster_asset")["defs"], "search_event_job", "search_event_job_sensor",
        "iu_delivery/to_search", "search_index", "iu_delivery/recorded_search",
    )  # fmt: skip


def test_the_limit_on_the_page_is_one_that_dagster_accepts(tmp_path: Path) -> None:
    (text,) = pages.code("docs/operate/dagster.md", "limit by target", "yaml")
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        queue = instance.get_concurrency_config().run_queue_config
    assert queue
    (limit,) = queue.tag_concurrency_limits
    assert limit == yaml.safe_load(text)["concurrency"]["runs"]["tag_concurrency_limits"][0]
