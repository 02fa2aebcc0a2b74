"""A pack: the same facts give the same bytes, the JSON fits its schema, the page stands alone."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import gates
from iu_pipelines.errors import StatementFailed, UsageError
from iu_pipelines.evidence import chain, collect, compare, facts, pack
from iu_pipelines.evidence.facts import Evidence, Moment, Position

SCHEMA = Path(facts.__file__).with_name("evidence.schema.json")


def test_the_same_facts_give_the_same_bytes(evidence: Evidence, tmp_path: Path) -> None:
    first, second = pack.write(evidence, tmp_path / "a"), pack.write(evidence, tmp_path / "b")
    for name in (*chain.FILES, chain.MANIFEST):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
    assert first.hash == second.hash


def test_evidence_is_read_back_as_it_was_written(evidence: Evidence, tmp_path: Path) -> None:
    written = pack.write(evidence, tmp_path)
    assert pack.read(written.folder) == replace(evidence, position=Position(1, chain.BEGINNING))
    assert pack.read(written.folder / "evidence.json") == pack.newest(tmp_path)


def test_the_schema_that_ships_is_that_of_the_facts() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == facts.schema_text()


def test_evidence_json_fits_its_schema_and_other_json_does_not(evidence: Evidence, tmp_path: Path) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    body = json.loads((pack.write(evidence, tmp_path).folder / "evidence.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(body, schema)
    body["verdict"]["passed"] = "perhaps"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, schema)


def test_times_are_utc(evidence: Evidence) -> None:
    times = re.findall(rb'"\w+_at": "([^"]+)"', facts.to_json(evidence))
    assert times
    assert all(time.endswith(b"Z") for time in times)


def test_junit_has_a_case_a_line(evidence: Evidence, tmp_path: Path) -> None:
    root = ElementTree.parse(pack.write(evidence, tmp_path).folder / "junit.xml").getroot()
    assert len(list(root.iter("testcase"))) == evidence.verdict.lines
    assert list(root.iter("failure")) == []
    assert {suite.get("name") for suite in root} == {
        f"{proof.kind}.{proof.step}" for proof in evidence.proofs
    }


class Links(HTMLParser):
    """Collects what a page would load, and its text."""

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


def test_the_page_stands_alone(evidence: Evidence, tmp_path: Path) -> None:
    assert page(evidence, tmp_path).loads == []
    style = pack.write(evidence, tmp_path).report.read_text(encoding="utf-8")
    assert not re.search(r"url\((?!#)|@import", style)


def test_the_page_shows_every_line_and_the_figures_of_the_seeds(evidence: Evidence, tmp_path: Path) -> None:
    text = " ".join(" ".join(page(evidence, tmp_path).text).split())
    for proof in evidence.proofs:
        for line in proof.lines:
            assert " ".join(line.name.split()) in text
    assert "PASS: every guarantee holds" in text
    assert "seen=1, attempts_written=1; status=dry_run, decision=dry_run, delivered=false" in text
    assert "event_outbox +1, iu_route_attempt +3, iu_route_dead_letter +2; probe cursors 1" in text


def test_a_pack_without_probes_claims_no_more_than_it_read(worked: Gateway, tmp_path: Path) -> None:
    read_only = collect.collect(worked, probes=False)
    assert read_only.verdict.passed
    assert {proof.kind for proof in read_only.proofs} == {"verify", "audit"}
    found = {guarantee.key: guarantee.passed for guarantee in read_only.guarantees}
    assert found["nothing-is-delivered"] is True
    assert found["domains-are-apart"] is None
    page = pack.write(read_only, tmp_path).report.read_text(encoding="utf-8")
    proven = sum(bool(guarantee.proven_by and guarantee.passed) for guarantee in read_only.guarantees)
    assert "PASS: nothing that was looked at is broken" in page
    assert f"{proven} of {len(found)} guarantees were proven here" in page
    assert "every guarantee holds" not in page


def test_the_page_draws_what_happened(evidence: Evidence, tmp_path: Path) -> None:
    timeline = evidence.timelines[0]
    begun = timeline.moments[-1].starts_at
    moments = tuple(Moment(begun + timedelta(hours=hour), 5, 3, 1, 1, 0, backlog=hour) for hour in range(12))
    busy = replace(evidence, timelines=(replace(timeline, seconds=3600, moments=moments),))
    html = pack.write(busy, tmp_path).report.read_text(encoding="utf-8")
    assert html.count("<svg") == 2
    assert "var(--dry-run)" in html
    assert not re.search(r"#0[1-5]0[0-5]0[0-5]\b", html)


def test_what_stands_in_the_database_cannot_write_the_page(evidence: Evidence, tmp_path: Path) -> None:
    script = "<script>alert('x')</script>"
    change = replace(evidence.gate_changes[0], reason=script)
    hostile = replace(evidence, gate_changes=(change,))
    assert "script" not in page(hostile, tmp_path).loads
    assert script in "".join(page(hostile, tmp_path).text)


def test_a_failed_line_heads_the_page(worked: Gateway, tmp_path: Path) -> None:
    worked.run_script("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    broken = collect.collect(worked)
    text = " ".join(" ".join(page(broken, tmp_path).text).split())
    assert not broken.verdict.passed
    assert "FAIL:" in text
    assert text.index("What failed") < text.index("What is guaranteed")
    delivered = next(found for found in broken.guarantees if found.key == "nothing-is-delivered")
    assert delivered.passed is False


def test_packs_written_at_once_stand_behind_one_another(evidence: Evidence, tmp_path: Path) -> None:
    threads = [threading.Thread(target=pack.write, args=(evidence, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = chain.verify(tmp_path)
    assert (report.whole, report.packs) == (True, 4)
    assert {path.name for path in tmp_path.iterdir()} == {"000001", "000002", "000003", "000004"}


def test_a_chain_is_about_one_database(worked: Gateway, evidence: Evidence) -> None:
    elsewhere = replace(evidence, environment=replace(evidence.environment, cluster="1"))
    with pytest.raises(UsageError, match="in cluster 1; this is"):
        collect.collect(worked, elsewhere)


def test_a_database_without_the_schema_is_refused(empty_gateway: Gateway) -> None:
    with pytest.raises(StatementFailed):
        collect.collect(empty_gateway)


def test_gathering_changes_nothing_that_is_recorded(worked: Gateway) -> None:
    tables = worked.fetch_all(
        """select relname::text as name
             from pg_class
            where relkind = 'r' and relnamespace = 'public'::regnamespace"""
    )
    rows = " union all ".join(
        f"select '{table['name']}' as name, md5(string_agg(t::text, ',' order by t::text)) as content"
        f" from public.{table['name']} as t"
        for table in tables
    )
    before = worked.fetch_all(rows)
    collect.collect(worked)
    assert worked.fetch_all(rows) == before


def test_comparing_names_what_changed_and_nothing_else(worked: Gateway, evidence: Evidence) -> None:
    assert compare.compare(evidence, evidence) == []
    gates.set_gate(worked, gates.WORKER, "false", "test")
    worked.execute("select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'test', '{}')")
    changes = {
        (change.area, change.name): (change.before, change.after)
        for change in compare.compare(evidence, collect.collect(worked))
    }
    assert changes == {
        ("gate", gates.WORKER): ("true", "false"),
        ("count", "events"): ("14", "15"),
        ("worker", "iu_outbound_default backlog"): ("0", "1"),
    }


def test_a_line_that_began_to_fail_is_a_change(evidence: Evidence) -> None:
    first = evidence.proofs[0]
    line = replace(first.lines[0], seen="edited", passed=False)
    later = replace(
        evidence, proofs=(replace(first, lines=(line, *first.lines[1:]), passed=False), *evidence.proofs[1:])
    )
    (change,) = compare.compare(evidence, later)
    assert (change.before, change.after) == ("PASS", "FAIL: edited")


def test_the_backlog_is_reckoned_back_to_what_it_was(worked: Gateway) -> None:
    (timeline,) = collect.collect(worked).timelines
    assert sum(moment.emitted or 0 for moment in timeline.moments) == 14
    assert sum(moment.dry_run for moment in timeline.moments) == 13
    assert sum(moment.failed for moment in timeline.moments) == 2
    assert timeline.moments[-1].backlog == 0
