"""Gathering evidence: the errors, and that nothing is changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import StatementFailed, UsageError
from iu_pipelines.evidence import collect, facts, pack
from iu_pipelines.evidence.facts import Evidence, UnreadDomain


def test_a_previous_pack_of_another_cluster_is_refused(worked: Gateway, evidence: Evidence) -> None:
    elsewhere = replace(evidence, environment=replace(evidence.environment, cluster="1"))
    with pytest.raises(UsageError, match="in cluster 1, not about"):
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


def test_a_domain_without_a_reader_is_in_the_pack_and_its_page(worked: Gateway, tmp_path: Path) -> None:
    assert collect.collect(worked, probes=False).unread_domains == ()
    worked.execute("update public.event_type_registry set event_domain = 'shop'")
    gathered = collect.collect(worked, probes=False)
    assert gathered.unread_domains == (UnreadDomain("shop", 3, 0, False),)
    page = pack.write(gathered, tmp_path).report.read_text(encoding="utf-8")
    assert "1 domain has no reader: shop." in page
    assert gathered.verdict.passed


def test_an_unread_domain_that_is_not_reported_is_noticed(worked: Gateway) -> None:
    """Without the domains of event types, a domain whose types emitted nothing is missing in the pack."""
    text = worked.fetch_value("select pg_get_functiondef('public.fn_iu_unread_domains'::regproc)")
    assert "where r.enabled" in text
    worked.execute(text.replace("where r.enabled", "where false"))
    worked.execute("update public.event_type_registry set event_domain = 'shop'")
    assert collect.collect(worked, probes=False).unread_domains == ()


def test_a_pack_without_unread_domains_is_still_read(evidence: Evidence) -> None:
    older = json.loads(facts.to_json(evidence))
    del older["unread_domains"]
    assert facts.from_json(json.dumps(older).encode()).unread_domains == ()
