"""Facts on the pages about concepts: figures are those of the benchmark, limits those of the SQL."""

from __future__ import annotations

import re
from typing import Final

import pytest

from acceptance.console import PROJECT

CONCEPTS: Final = PROJECT / "docs" / "concepts"
OTHERS: Final = ("Debezium", "Sequin", "River", "Oban", "pg-boss", "PgQ", "pgmq")
MEASURED: Final = "## PostgreSQL 15"


def page(name: str) -> str:
    return " ".join((CONCEPTS / f"{name}.md").read_text(encoding="utf-8").split())


def cells(*first: str) -> list[str]:
    """Return the cells after the `first` ones of the one row that begins with them, on PostgreSQL 15."""
    text = (PROJECT / "docs/performance.md").read_text(encoding="utf-8").partition(MEASURED)[2]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    (found,) = [row[len(first) :] for row in rows if tuple(row[: len(first)]) == first]
    return found


def number(*first: str) -> int:
    return int(cells(*first)[0].replace(",", ""))


def rounded(*first: str) -> str:
    """Return the first number after the `first` cells, rounded to hundreds."""
    return f"{round(number(*first), -2):,}"


def test_the_figures_of_the_page_when_not_are_those_of_the_benchmark() -> None:
    text = page("when-not")
    queued, fresh = (rounded(f"iu deliver, {how}", "10,000") for how in ("queued", "from the outbox"))
    assert f"one sender made {fresh} to {queued} a second" in text
    assert f"and {round(number('100', '1'), -1)} with one that takes 100 ms" in text
    relay = rounded("relay by hand, SKIP LOCKED", "10,000")
    assert f"`skip locked` made {relay} a second where this sender made {queued}" in text
    assert f"in batches {rounded('pg-boss, audit rows in batches', '10,000')}." in text
    wal = [int(cells("iu deliver, queued", count)[5].replace(",", "")) for count in ("10,000", "1,000,000")]
    assert f"writes {wal[0] / 1000:.1f} to {wal[1] / 1000:.1f} kB of write-ahead log" in text
    (latency,) = re.findall(
        r"while a run lingers: p50 (\d+) ms, p99 (\d+) ms",
        (PROJECT / "docs/performance.md").read_text("utf-8"),
    )
    assert "{} ms were measured at the median and {} ms at the 99th percentile".format(*latency) in text
    one, sixteen = (
        cells(f"emit, clients {clients}: rate / rate of PgQ insert_event", "stock", "≥ 0.95")[0]
        for clients in (1, 16)
    )
    assert f"{one} of that of PgQ's `insert_event` with one client, and {sixteen} with sixteen" in text


EMITS: Final = {
    "PgQ": "PgQ insert_event",
    "pgmq": "pgmq send",
    "River": "River insert",
    "pg-boss": "pg-boss send",
}
ROUTED: Final = {
    "PgQ": "PgQ + INSERT … SELECT",
    "pgmq": "pgmq, pop + audit in one statement",
    "pg-boss": "pg-boss, fetch + audit + complete",
}


def rates(cases: dict[str, str], *first: str) -> str:
    return "; ".join(f"{name} {cells(case, *first)[0]}" for name, case in cases.items())


def test_the_figures_of_the_comparison_are_those_of_the_benchmark() -> None:
    text = page("comparison")
    assert f"| {cells('iu emit', 'stock', '16')[0]} | {rates(EMITS, 'stock', '16')} |" in text
    assert f"| {cells('iu route worker', 'stock', '1000')[0]} | {rates(ROUTED, 'stock', '1000')} |" in text
    ours, batched, single = (
        number(sender, "10,000")
        for sender in ("iu deliver, queued", "pg-boss, audit rows in batches", "pg-boss, an audit row a POST")
    )
    assert f"| {ours:,} | pg-boss {batched:,} with rows in batches, {single:,} with a row for each |" in text
    assert "it made twice as many webhooks a second" in text
    assert batched == pytest.approx(2 * ours, rel=0.1)


def test_the_comparison_has_every_system_in_each_of_its_tables() -> None:
    text = (CONCEPTS / "comparison.md").read_text(encoding="utf-8")
    tables = [
        [re.sub(r"\W*([\w-]+).*", r"\1", row) for row in table.splitlines()[2:]]
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    ]
    full = [[*OTHERS, "iu_pipelines"], list(OTHERS)]
    assert [sorted(table) in map(sorted, full) for table in tables] == [True, True, True, True, False, True]


def test_the_page_about_promotion_has_every_state() -> None:
    folder = PROJECT / "sql/iu-delivery/objects/promotions"
    body, _, _ = (folder / "fn_iu_promotion_list.sql").read_text("utf-8").partition("end, p.reason")
    states = {*re.findall(r"(?:then|else) '(\w+)'", body)}
    text = (CONCEPTS / "promotion.md").read_text(encoding="utf-8").partition("## States")[2]
    assert {*re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)} == states
    assert len(states) == 7


def in_sql(path: str, pattern: str) -> str:
    (found,) = re.findall(pattern, (PROJECT / "sql" / path).read_text(encoding="utf-8"))
    return str(found)


def test_limits_that_the_pages_name_are_those_of_the_sql() -> None:
    retries = in_sql(
        "iu-delivery/runtime/010_targets.sql", r"retry_seconds int\[\] not null default '\{(.*)\}'"
    )
    seconds = [int(each) for each in retries.split(",")]
    assert len(seconds) == 9
    assert 3 <= sum(seconds) / 86_400 < 4
    assert "nine retries over three days, then a dead letter" in page("comparison")
    steps = "iu-delivery/runtime/020_promotions.sql"
    assert in_sql(steps, r"valid_for <= '(\w+ \w+)'") == "30 days"
    assert "a period of at most 30 days" in page("promotion")
    assert in_sql(steps, r"\('hours', (\d+), ") == "24"
    assert "rehearsals over 24 hours" in page("when-not")
    half_open = in_sql(
        "iu-delivery/objects/deliveries/fn_iu_delivery_consequences.sql", r"when .*failures >= (\d+)"
    )
    assert half_open == "10"
    assert "the breaker has let ten deliveries through that failed" in page("promotion")


LOOKED_UP: Final = """
address, anchor, at most once, backlog, batch, breaker, canary, canonical address, capture, chain, claim,
cursor, deployment, drain, due, evidence pack, fence, frozen plan, head, held, in doubt, in flight, intent,
lease, line, linger, live route, mount, outcome, park, payload, probe, proof, rehearsal, replay, run, sender,
shard, snapshot, subject, threshold, window
"""
"""Words of the web UI, of messages and of pages that a reader may not know."""


def first_cells(heading: str) -> list[str]:
    """Return the first column of the first table below a heading of the page of nouns and terms."""
    text = (CONCEPTS / "nouns.md").read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    (table, *_) = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [row.split("|")[1].strip() for row in table.splitlines()[2:]]


def test_the_glossary_is_in_alphabetical_order_and_has_each_word_once() -> None:
    nouns, terms = first_cells("Nouns"), first_cells("Terms")
    assert terms == sorted(terms, key=str.lower)
    every = [*nouns, *terms]
    assert [word for word in {*every} if every.count(word) > 1] == []
    wanted = {*LOOKED_UP.strip().replace("\n", " ").split(", ")}
    assert sorted(wanted - {*every}) == []


def test_each_term_leads_to_the_page_that_explains_it() -> None:
    text = (
        (CONCEPTS / "nouns.md").read_text(encoding="utf-8").partition("\n## Terms\n")[2].partition("\n## ")[0]
    )
    rows = re.findall(r"^\| ([^|]+) \| .* \| \[[^\]]+\]\(([^)]+)\) \|$", text, re.MULTILINE)
    assert [term for term, _ in rows] == first_cells("Terms")
    for term, link in rows:
        name, _, anchor = link.partition("#")
        target = (CONCEPTS / (name or "nouns.md")).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", target, re.MULTILINE)
        known = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor in known, term
