"""The comment of each function explains its planner settings and names the decision."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iu_pipelines.settings import sql_root

SETTING = re.compile(r"^set (enable_\w+|plan_cache_mode) = (\w+)$", re.MULTILINE)
FILES = [path for path in sorted(sql_root().glob("*/objects/**/*.sql")) if SETTING.search(path.read_text())]


def unexplained(text: str) -> list[str]:
    """Return the settings that the comment above the function omits, and `decision` if it names none."""
    lines = text.partition("create or replace")[0].splitlines()
    comment = " ".join(line.removeprefix("-- ") for line in lines if line.startswith("-- "))
    wanted = [value if name == "plan_cache_mode" else name for name, value in SETTING.findall(text)]
    missing = [name for name in wanted if name not in comment]
    return missing if re.search(r"\(decisions? 0\d\d", comment) else [*missing, "decision"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_planner_setting_is_explained_with_its_decision(path: Path) -> None:
    assert unexplained(path.read_text()) == []


def test_a_setting_without_a_reason_is_noticed() -> None:
    text = (sql_root() / "iu-core/objects/attempts/fn_iu_attempts_write.sql").read_text()
    assert unexplained(text.partition("create")[1] + text.partition("create")[2]) == [
        "enable_seqscan",
        "enable_nestloop",
        "enable_mergejoin",
        "force_generic_plan",
        "decision",
    ]
    assert unexplained(text.replace("-- enable_nestloop and", "--")) == ["enable_nestloop"]
