"""docs/operate/troubleshooting.md: the messages, codes and ids that it quotes exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from iu_pipelines.cli.main import COMMANDS
from iu_pipelines.domain import doctor as of_database
from iu_pipelines.domain.doctor.database import SCHEMA, SERVER
from iu_pipelines.domain.doctor.findings import load_checks
from iu_pipelines.errors import CODES
from iu_pipelines.hosting import doctor as of_machine
from iu_pipelines.hosting.doctor.machine import DAGSTER, DELIVERY, ENVIRONMENT, MACHINE

load_checks(of_database)
load_checks(of_machine)

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "operate" / "troubleshooting.md").read_text(encoding="utf-8")
GAP: Final = "…"

OF_POSTGRESQL: Final = {
    "permission denied for …",
    "query would be affected by row-level security policy for table …",
    "cannot execute … in a read-only transaction",
    "40001",
    "column n.… does not exist",
}
"""Quotations of messages that PostgreSQL prints."""

WITHOUT_CHECK: Final = {"server.reachable", "server.stays", "schema.steps", "environment.settings"}
"""The ids of findings that the report makes itself."""


def symptoms() -> Iterator[str]:
    """Yield what is quoted in the first column of the tables of symptoms."""
    for table in re.findall(r"^\| you see .*\n\| ---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE):
        for row in table.splitlines():
            yield from re.findall(r"`([^`]+)`", row.split(" | ")[0])


@cache
def sources() -> str:
    """Return every source as one line, with literals joined and placeholders replaced."""
    files = [*(ROOT / "iu_pipelines").rglob("*.py"), *(ROOT / "sql").rglob("*.sql")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    text = re.sub(r"""(["'])\s*\n\s*f?\1""", "", text)
    return re.sub(r"\{[^{}\n]*\}|%(?:\d\$)?[sLI]?", GAP, text)


def is_printed(quoted: str) -> bool:
    """Return whether a quotation, in which `…` is any text, is in the sources."""
    pattern = ".{0,200}?".join(re.escape(part) for part in quoted.split(GAP))
    return re.search(pattern, sources()) is not None


QUOTED: Final = sorted({*symptoms()} - OF_POSTGRESQL)


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_quoted_message_is_printed_by_a_source(quoted: str) -> None:
    assert is_printed(quoted), quoted


def test_a_message_that_no_source_prints_is_noticed() -> None:
    assert len(QUOTED) > 50
    assert not is_printed("the backlog has not moved for … minutes while the gates are open")
    assert not is_printed("worker … was dismissed at …")


def test_every_code_on_the_page_is_raised() -> None:
    codes = {*re.findall(r"\bIU\d{3}\b", PAGE)}
    assert len(codes) > 8
    assert codes <= {*CODES}


def test_every_id_on_the_page_is_a_check_and_every_part_is_listed() -> None:
    parts_of_doctor = (ENVIRONMENT, SERVER, SCHEMA, DELIVERY, MACHINE, DAGSTER)
    known = {name for checks in parts_of_doctor for name, _ in checks}
    known |= WITHOUT_CHECK
    parts = {name.partition(".")[0] for name in known}
    named = {*re.findall(rf"`((?:{'|'.join(parts)})\.\w+)`", PAGE)} - {"dagster.yaml"}
    assert len(named) > 10
    assert named <= known
    assert {*re.findall(r"`(\w+)\.\*`", PAGE)} == parts


def test_every_command_on_the_page_exists() -> None:
    words = {word for names in COMMANDS.values() for word in names}
    assert {*re.findall(r"`iu ([a-z]+)", PAGE)} - words == set()
