"""The linter squawk, which `make check` runs over the steps, reports statements that block their table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SQUAWK = Path(sys.executable).with_name("squawk")

BLOCKING = {
    "changing-column-type": "alter table public.event_outbox alter column actor_ref type bigint using 1;",
    "constraint-missing-not-valid": (
        "alter table public.event_outbox add constraint actor_is_short check (length(actor_ref) < 9);"
    ),
    "ban-drop-column": "alter table public.event_outbox drop column actor_ref;",
    "require-table-schema": "create table iu_note (note text);",
}


def found(file: Path) -> tuple[int, str]:
    command: list[str | Path] = [SQUAWK, "--config", ROOT / ".squawk.toml", "--reporter", "gcc", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("rule", BLOCKING)
def test_a_step_that_would_block_its_table_is_noticed(tmp_path: Path, rule: str) -> None:
    step = tmp_path / "110_notes.sql"
    step.write_text(BLOCKING[rule], encoding="utf-8")
    code, said = found(step)
    assert code == 1
    assert f" {rule} " in said


def test_a_step_in_the_style_of_this_project_passes(tmp_path: Path) -> None:
    step = tmp_path / "110_notes.sql"
    step.write_text(
        "create table public.iu_note (note_id bigint primary key, times int, note text not null);\n"
        "alter table public.iu_note add constraint note_is_short check (length(note) < 9) not valid;\n",
        encoding="utf-8",
    )
    assert found(step)[0] == 0, found(step)[1]
