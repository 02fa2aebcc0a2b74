"""Gathering evidence: the errors, and that nothing is changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import StatementFailed, UsageError
from iu_pipelines.evidence import collect
from iu_pipelines.evidence.facts import Evidence


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
