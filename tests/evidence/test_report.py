"""The text of the report: it is self-contained, shows the facts of the evidence, and nothing else."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evidence import pages
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps.lines import Line
from iu_pipelines.domain import configuration, event_types, worker
from iu_pipelines.domain.event_types import EventType
from iu_pipelines.evidence import charts, collect, guarantees, pack
from iu_pipelines.evidence.facts import Evidence


class Links(HTMLParser):
    """Collect the resources that a page would load, its text, its ids, and its links by their target."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.links: dict[str, list[str]] = {}
        self._link: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action") and not (value or "").startswith("#"):
                self.loads.append(f"{tag} {name} {value}")
            if name == "id":
                self.ids.append(value or "")
        if tag in ("script", "iframe", "link", "object"):
            self.loads.append(tag)
        if tag == "a":
            self._link = (dict(attrs)["href"] or "").removeprefix("#")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._link is not None:
            self.links.setdefault(self._link, []).append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def page(evidence: Evidence, directory: Path) -> Links:
    links = Links()
    links.feed(html(evidence, directory))
    return links


def html(evidence: Evidence, directory: Path) -> str:
    return pack.write(evidence, directory).report.read_text(encoding="utf-8")


def test_the_page_loads_no_other_resource(evidence: Evidence, tmp_path: Path) -> None:
    assert page(evidence, tmp_path).loads == []
    style = pack.write(evidence, tmp_path).report.read_text(encoding="utf-8")
    assert not re.search(r"url\((?!#)|@import", style)


def test_the_page_shows_every_line_and_the_results_of_the_probes(evidence: Evidence, tmp_path: Path) -> None:
    text = page(evidence, tmp_path).words
    for proof in evidence.proofs:
        for line in proof.lines:
            assert " ".join(line.name.split()) in text
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
        found = re.search(r"events waiting</dt><dd><b>([\d,]+)</b>", html(gathered, tmp_path))
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
    shown = page(read_only, tmp_path)
    proven = sum(
        bool(guarantee.proven_by) and all(line.passed for line in guarantee.proven_by)
        for guarantee in read_only.guarantees
    )
    assert 0 < proven < 20
    assert f"… {proven} guarantees proven here, " in shown.words
    assert "No probe was run, so some guarantees are proven in part or not at all." in shown.words
    assert "NOT RUN The probes" in shown.words
    assert not {"probes", "failed"} & {*shown.ids}


def test_the_page_has_a_chart_of_attempts_and_one_of_the_backlog(evidence: Evidence, tmp_path: Path) -> None:
    text = html(pages.busy(evidence), tmp_path)
    assert text.count("<svg") == 2
    assert "var(--dry-run)" in text
    assert not re.search(r"#0[1-5]0[0-5]0[0-5]\b", text)


def test_values_of_the_database_are_escaped(evidence: Evidence, tmp_path: Path) -> None:
    script = "<script>alert('x')</script>"
    change = replace(evidence.gate_changes[0], reason=script)
    hostile = replace(evidence, gate_changes=(change,))
    assert "script" not in page(hostile, tmp_path).loads
    assert script in "".join(page(hostile, tmp_path).text)


def test_the_changes_of_the_configuration_name_their_columns_their_reason_and_their_login(
    worked: Gateway, tmp_path: Path
) -> None:
    with worked.transaction() as session:
        configuration.give_reason(session, "the shop opens")
        event_types.add(session, EventType(event_type="order_paid", payload_keys=["total"]))
    event_types.change(worked, EventType(event_type="order_paid", payload_keys=None))
    event_types.remove(worked, "order_paid")
    found = collect.collect(worked, probes=False)
    removed, changed, added = found.config_changes[:3]
    assert (removed.new_value, added.old_value) == (None, None)
    assert (added.reason, added.changed_by) == ("the shop opens", found.environment.role)
    rows = re.findall(
        r'<th scope="row">event type order_paid</th><td class="when".*?</td>'
        r'<td data-label="Change">(.*?)</td><td data-label="Reason">(.*?)</td>',
        html(found, tmp_path),
    )
    assert rows[:2] == [("removed", "none given"), ("payload keys total → any", "none given")]
    assert "; payload keys total" in rows[2][0]
    assert rows[2][1] == "the shop opens"
    assert changed.name == "order_paid"


def test_failed_lines_are_the_first_section_of_the_page(worked: Gateway, tmp_path: Path) -> None:
    worked.run_script("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    broken = collect.collect(worked)
    assert not broken.verdict.passed
    shown = page(broken, tmp_path)
    assert re.search(r"✗ \d+ guarantees failed, \d+ proven here, ", shown.words)
    sections = [one for one in shown.ids if one in ("failed", "pending", "scope", "guarantees")]
    assert sections == ["failed", "pending", "scope", "guarantees"]
    delivered = next(found for found in broken.guarantees if found.key == "nothing-is-delivered")
    assert delivered.passed is False


def test_the_page_begins_with_the_numbers_of_guarantees(evidence: Evidence, tmp_path: Path) -> None:
    proven = sum(bool(found.proven_by) for found in evidence.guarantees)
    headline = (
        f"{proven} guarantees proven here, {len(evidence.guarantees) - proven} rest on the project's tests"
    )
    lines = f"No line failed: all {evidence.verdict.lines} lines of {len(evidence.proofs)} proofs passed."
    shown = page(evidence, tmp_path)
    assert f"✓ {headline} {lines} Nothing was delivered. " in shown.words
    assert f": {headline}" in shown.words.partition(":root")[0]
    assert shown.ids[0] == "content"


def test_the_page_says_what_was_tested_when_by_whom_and_where(evidence: Evidence, tmp_path: Path) -> None:
    where = evidence.environment
    text = page(evidence, tmp_path).words
    when = evidence.generated_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert f"Tested {when} by login {where.role}, with iu-pipelines {where.product}" in text
    assert f"Database {where.database}, in the cluster with the system identifier {where.cluster}" in text
    assert "Read 11 verify files, " in text
    assert "Tried and rolled back 9 probes, " in text
    worker = evidence.workers[0]
    batches, attempts = worker.batches_checked, worker.attempts_checked
    assert f"Recomputed the ledgers of 1 worker: {batches} batches and {attempts} attempts" in text


def test_every_link_leads_to_a_row_of_this_page(evidence: Evidence, tmp_path: Path) -> None:
    for name, made in pages.PAGES.items():
        shown = page(made(evidence), tmp_path / name)
        assert len(shown.ids) == len({*shown.ids}), name
        assert {*shown.links} - {*shown.ids} == set(), name


def test_a_guarantee_names_the_lines_that_prove_it_and_links_to_each(
    evidence: Evidence, tmp_path: Path
) -> None:
    shown = page(evidence, tmp_path)
    assert shown.links["proof-010-emit-probe-2"] == ["E1 an emitted event"] * 2
    assert shown.links["proof-010-emit-probe-4"] == ["E3 the registry decides"]
    assert "Probe 010, emit: E1 an emitted event ; E3 the registry decides" in shown.words
    assert "R iu_emitter emit and 11 more lines" in shown.words
    assert "probe 010: E1" not in shown.words


def test_the_name_of_a_line_is_not_the_beginning_of_another_number(
    evidence: Evidence, tmp_path: Path
) -> None:
    """W1 is a line, and so are W10, W11 and W12."""
    row = html(evidence, tmp_path).partition('id="g-domains-are-apart"')[2].partition("</tr>")[0]
    assert re.findall(r">(W\d+) ", row) == ["W1"]
    assert "more lines" not in row


def test_a_guarantee_without_lines_names_the_tests_of_the_project(evidence: Evidence, tmp_path: Path) -> None:
    row = html(evidence, tmp_path).partition('id="g-commands-answer-in-words"')[2].partition("</tr>")[0]
    assert "bad usage exits with 2 and names what was given" in row


def test_a_step_that_is_not_applied_is_pending_and_nothing_failed(worked: Gateway, tmp_path: Path) -> None:
    worked.execute("delete from public.iu_schema_step where step_name = %s", (pages.PENDING_STEP,))
    found = collect.collect(worked)
    assert not found.verdict.passed
    shown = page(found, tmp_path)
    assert "… PENDING Step 100_route_worker_live_verification and its verify file" in shown.words
    assert "No line failed." in shown.words
    assert "1 step of the schema is pending." in shown.words
    assert "FAIL" not in shown.words
    assert "failed" not in shown.ids


def test_a_failed_line_leads_to_its_row_and_to_its_guarantees(evidence: Evidence, tmp_path: Path) -> None:
    shown = page(pages.failed(evidence), tmp_path)
    assert "1 of " in shown.words
    assert "✗ FAIL Probe 090, worker rules : W2 " in shown.words.replace(" rules:", " rules :")
    assert "expected " in shown.words
    assert "found nothing <at> all" in shown.words
    assert len(shown.links["g-an-event-is-its-transaction"]) == 1
    assert "NOT RUN The last lines of Probe 090, worker rules" in shown.words
    assert "lines not reached" in shown.words
    assert "3 to be replayed or discarded" in shown.words
    assert "7 1 unhealthy worker" in shown.words


@pytest.mark.parametrize("name", pages.PAGES)
def test_the_page_mentions_only_what_is_there(evidence: Evidence, tmp_path: Path, name: str) -> None:
    found = pages.PAGES[name](evidence)
    shown = page(found, tmp_path)
    has = {
        "Promotion": found.delivery is not None,
        "Live delivery": found.delivery is not None,
        "exactly-once": found.delivery is not None,
        "A test that acts on this database": found.probed,
        "Tried and rolled back": found.probed,
        "Failed lines": name in ("failed", "troubled"),
        "Attempts by decision in intervals of": any(timeline.moments for timeline in found.timelines),
        "events that wait": any(charts.backlog(timeline) for timeline in found.timelines),
        "All numbers of this chart": any(timeline.moments for timeline in found.timelines),
        "Newest changes of gates": bool(found.gate_changes),
        "Newest changes of event types": bool(found.config_changes),
        "Newest changes of thresholds": found.delivery is not None,
        "Permitted payload keys": bool(found.event_types),
        "no reader": bool(found.unread_domains),
        "in the same folder": False,
        "struck out": False,
    }
    assert {word for word, there in has.items() if (word in shown.words) != there} == set()


def test_what_is_not_promised_is_on_the_page(evidence: Evidence, tmp_path: Path) -> None:
    core, delivery = page(evidence, tmp_path / "a").words, page(pages.live(evidence), tmp_path / "b").words
    found = [*guarantees.limits(), *guarantees.not_shown()]
    assert len(found) > 15
    for limit in found:
        assert (limit.title in core) == (limit.module == "iu-core"), limit.title
        assert limit.text in delivery


def test_the_page_says_how_it_is_checked_and_has_room_for_a_signature(
    evidence: Evidence, tmp_path: Path
) -> None:
    written = pack.write(evidence, tmp_path)
    shown = Links()
    shown.feed(written.report.read_text(encoding="utf-8"))
    assert "iu evidence verify FOLDER --head HASH" in shown.words
    assert hashlib.sha256((written.folder / "evidence.json").read_bytes()).hexdigest() in shown.words
    assert written.hash not in shown.words
    assert "I have read this report, pack 1, about database " in shown.words
    assert shown.words.index("Remarks") < shown.words.index("Name and role")


def test_the_numbers_of_a_chart_are_on_the_page_as_text(evidence: Evidence, tmp_path: Path) -> None:
    timeline = pages.busy(evidence).timelines[0]
    drawn = charts.attempts(timeline)
    assert drawn
    assert [sum(numbers) for numbers in zip(*(row for _, row in drawn.rows), strict=True)] == [
        102,
        24,
        12,
        12,
    ]
    text = page(pages.busy(evidence), tmp_path).words
    first, last = (timeline.moments[place].starts_at.strftime("%Y-%m-%d %H:%M:%S UTC") for place in (0, 11))
    assert "Attempts in the chart: 150, of which 102 dry run, 24 skipped, 12 failed, 12 sent." in text
    assert f"The most in one interval: 18, from {last}." in text
    peak = timeline.moments[5].starts_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert f"at the end of an interval: 12, in the interval from {peak}." in text
    assert f"{first} 3 2 1 1" in text


def test_each_decision_has_a_pattern_of_its_own_in_a_chart(evidence: Evidence) -> None:
    """Bars that differ in colour only could not be told apart by everybody."""
    drawn = charts.attempts(pages.busy(evidence).timelines[0])
    assert drawn
    assert len(re.findall("<pattern ", drawn.svg)) == 3
    plain = set(re.findall(r'style="fill: (var\(--[a-z-]+\))', drawn.svg)) - {"var(--ink)", "var(--faint)"}
    assert "var(--dry-run)" in plain


def test_the_title_of_every_proof_is_whole_sentences(evidence: Evidence) -> None:
    assert [proof.title for proof in evidence.proofs if not proof.title.endswith(".")] == []
    titles = {proof.step: proof.title for proof in evidence.proofs}
    assert titles["110_configuration"].endswith("the functions of captures are those that are generated.")


def test_a_line_that_is_missing_in_a_proof_that_passed_is_a_failure(
    evidence: Evidence, tmp_path: Path
) -> None:
    """Another version of the proof would hide it otherwise."""

    def without_g1(lines: tuple[Line, ...]) -> tuple[Line, ...]:
        return tuple(line for line in lines if not line.name.startswith("G1 "))

    shown = page(pages.with_lines(evidence, "020_gates_probe", without_g1), tmp_path)
    assert "✗ 2 guarantees failed, " in shown.words
    assert "Probe 020, gates: ✗ FAIL 1 line missing;" in shown.words
