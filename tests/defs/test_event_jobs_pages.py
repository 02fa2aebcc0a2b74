"""The declarations on docs/operate/targets.md make the jobs, sensors and assets that the pages name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import dagster as dg
import yaml

_PAGES: Final = Path(__file__).parents[2] / "docs" / "operate"
_PYTHON: Final = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def declared(section: str) -> dg.Definitions:
    """Return the definitions of the code in a section of the page about targets."""
    _, _, after = (_PAGES / "targets.md").read_text(encoding="utf-8").partition(f"## {section}\n")
    found = _PYTHON.search(after)
    assert found
    names: dict[str, Any] = {}
    exec(compile(found.group(1), "targets.md", "exec", dont_inherit=True), names)
    definitions: dg.Definitions = names["defs"]
    return definitions


def assert_has(definitions: dg.Definitions, job: str, sensor: str, *assets: str) -> None:
    made = definitions.resolve_job_def(job)
    assert {key.to_user_string() for key in made.asset_layer.executable_asset_keys} == set(assets)
    (found,) = [one for one in definitions.sensors or () if one.name == sensor]
    assert found.default_status == dg.DefaultSensorStatus.STOPPED


def test_a_function_becomes_a_job_a_sensor_and_an_asset() -> None:
    assert_has(declared("dagster_job"), "send_receipt", "send_receipt_sensor", "iu_delivery/to_receipts")


def test_assets_become_a_job_between_the_deliveries_and_the_record() -> None:
    assert_has(
        declared("dagster_asset"), "search_event_job", "search_event_job_sensor",
        "iu_delivery/to_search", "search_index", "iu_delivery/recorded_search",
    )  # fmt: skip


def test_the_limit_on_the_page_is_one_that_dagster_accepts(tmp_path: Path) -> None:
    page = (_PAGES / "dagster.md").read_text(encoding="utf-8")
    text = page.partition("<!-- limit by target -->\n```yaml\n")[2].partition("```")[0]
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        queue = instance.get_concurrency_config().run_queue_config
    assert queue
    (limit,) = queue.tag_concurrency_limits
    assert limit == yaml.safe_load(text)["concurrency"]["runs"]["tag_concurrency_limits"][0]
