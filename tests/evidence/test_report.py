"""The text of the report: it is self-contained, and shows the facts of the evidence."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import worker
from iu_pipelines.evidence import collect, pack
from iu_pipelines.evidence.facts import Evidence, Moment


class Links(HTMLParser):
    """Collect the resources that a page would load, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action") and not (value or "").startswith("#"):
                self.loads.append(f"{tag} {name} {value}")
        if tag in ("script", "iframe", "link", "object"):
            self.loads.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(evidence: Evidence, directory: Path) -> Links:
    links = Links()
    links.feed(pack.write(evidence, directory).report.read_text(encoding="utf-8"))
    return links


def test_the_page_loads_no_other_resource(evidence: Evidence, tmp_path: Path) -> None:
    assert page(evidence, tmp_path).loads == []
    style = pack.write(evidence, tmp_path).report.read_text(encoding="utf-8")
    assert not re.search(r"url\((?!#)|@import", style)


def test_the_page_shows_every_line_and_the_results_of_the_probes(evidence: Evidence, tmp_path: Path) -> None:
    text = " ".join(" ".join(page(evidence, tmp_path).text).split())
    for proof in evidence.proofs:
        for line in proof.lines:
            assert " ".join(line.name.split()) in text
    assert "PASS: every guarantee holds" in text
    assert "seen=1, attempts_written=1; status=dry_run, decision=dry_run, delivered=false" in text
    assert "event_outbox +1, iu_route_attempt +3, iu_route_dead_letter +2; probe cursors 1" in text


def test_the_waiting_events_are_those_of_the_workers_whose_health_is_proven(
    worked: Gateway, tmp_path: Path
) -> None:
    """The default worker has read everything; `idle` has run one batch of one event."""
    worker.run_once(worked, "idle", 1)
    tiles = {}
    for names in (["iu_outbound_default"], ["idle"], ["iu_outbound_default", "idle"]):
        gathered = collect.collect(worked, workers=names, probes=False)
        text = pack.write(gathered, tmp_path).report.read_text(encoding="utf-8")
        found = re.search(r"<b>([\d,]+)</b><span>events waiting", text)
        assert found
        tiles[",".join(names)] = found[1]
    assert tiles == {"iu_outbound_default": "0", "idle": "13", "iu_outbound_default,idle": "13"}


def test_a_pack_without_probes_does_not_claim_what_only_probes_prove(worked: Gateway, tmp_path: Path) -> None:
    read_only = collect.collect(worked, probes=False)
    assert read_only.verdict.passed
    assert {proof.kind for proof in read_only.proofs} == {"verify", "ledgers"}
    found = {guarantee.key: guarantee.passed for guarantee in read_only.guarantees}
    assert found["nothing-is-delivered"] is True
    assert found["domains-are-apart"] is None
    page = pack.write(read_only, tmp_path).report.read_text(encoding="utf-8")
    proven = sum(bool(guarantee.proven_by and guarantee.passed) for guarantee in read_only.guarantees)
    assert "PASS: every line passed; no probe was run" in page
    assert f"{proven} of {len(found)} guarantees were proven on this database" in page
    assert "every guarantee holds" not in page


def test_the_page_has_a_chart_of_attempts_and_one_of_the_backlog(evidence: Evidence, tmp_path: Path) -> None:
    timeline = evidence.timelines[0]
    begun = timeline.moments[-1].starts_at
    moments = tuple(Moment(begun + timedelta(hours=hour), 5, 3, 1, 1, 0, backlog=hour) for hour in range(12))
    busy = replace(evidence, timelines=(replace(timeline, seconds=3600, moments=moments),))
    html = pack.write(busy, tmp_path).report.read_text(encoding="utf-8")
    assert html.count("<svg") == 2
    assert "var(--dry-run)" in html
    assert not re.search(r"#0[1-5]0[0-5]0[0-5]\b", html)


def test_values_of_the_database_are_escaped(evidence: Evidence, tmp_path: Path) -> None:
    script = "<script>alert('x')</script>"
    change = replace(evidence.gate_changes[0], reason=script)
    hostile = replace(evidence, gate_changes=(change,))
    assert "script" not in page(hostile, tmp_path).loads
    assert script in "".join(page(hostile, tmp_path).text)


def test_failed_lines_are_the_first_section_of_the_page(worked: Gateway, tmp_path: Path) -> None:
    worked.run_script("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    broken = collect.collect(worked)
    html = pack.write(broken, tmp_path).report.read_text(encoding="utf-8")
    assert not broken.verdict.passed
    assert "FAIL:" in html
    assert html.index("<h2>Failed lines</h2>") < html.index("<h2>Guarantees</h2>")
    delivered = next(found for found in broken.guarantees if found.key == "nothing-is-delivered")
    assert delivered.passed is False
