"""Verify proves each step, rollback restores the state before it, and probes leave no trace."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, migration, verification
from iu_pipelines.domain import outbox, worker
from iu_pipelines.errors import IuError, ProofFailed, UsageError
from iu_pipelines.settings import sql_root
from proven import failed_lines
from steps.schema_picture import picture

NAMES = [step.name for step in files.load_steps(sql_root(), [files.CORE])]
PROBES = [file.name for file in files.load(sql_root(), "sandbox")]


def test_every_step_is_proven_after_a_full_install(gateway: Gateway) -> None:
    proofs = verification.verify(gateway)
    assert [proof.step for proof in proofs] == sorted(NAMES)
    assert failed_lines(proofs) == []
    assert all(len(proof.lines) > 1 for proof in proofs)


def test_verifying_changes_nothing(gateway: Gateway) -> None:
    before = picture(gateway)
    verification.verify(gateway)
    assert picture(gateway) == before


def test_each_rollback_restores_what_was_there_before_its_step(empty_gateway: Gateway) -> None:
    before: dict[str, dict[str, Any]] = {}
    seen = [picture(empty_gateway)]

    def remember(done: migration.StepResult) -> None:
        before[done.name] = seen[-1]
        seen.append(picture(empty_gateway))

    migration.apply(empty_gateway, on_step=remember)
    for name, kept in zip(reversed(NAMES), [*reversed(NAMES[:-1]), migration.NOTHING], strict=True):
        done = migration.rollback(empty_gateway, kept)
        assert [(result.name, result.action) for result in done] == [(name, "rolled_back")]
        now = picture(empty_gateway)
        for part in before[name]:
            assert now[part] == before[name][part], f"{part} after rollback of {name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_step_that_was_rolled_back_no_longer_verifies(gateway: Gateway, name: str) -> None:
    place = NAMES.index(name)
    migration.rollback(gateway, NAMES[place - 1] if place else migration.NOTHING)
    (proof,) = verification.verify(gateway, name)
    assert not proof.passed


def test_after_a_full_rollback_everything_can_be_applied_again(gateway: Gateway) -> None:
    before = picture(gateway)
    undone = migration.rollback(gateway, migration.NOTHING)
    assert [result.name for result in undone] == NAMES[::-1]
    assert [result.name for result in migration.apply(gateway)] == NAMES
    assert picture(gateway) == before
    assert failed_lines(verification.verify(gateway)) == []


def test_rolling_back_to_the_last_step_does_nothing(gateway: Gateway) -> None:
    assert migration.rollback(gateway, NAMES[-1]) == []


def test_rolling_back_to_an_unknown_step_is_a_usage_error(gateway: Gateway) -> None:
    with pytest.raises(UsageError, match="'frob'"):
        migration.rollback(gateway, "frob")


def test_a_rollback_that_would_lose_events_refuses_and_every_step_stays(gateway: Gateway) -> None:
    event_id = outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
    before = picture(gateway)
    with pytest.raises(IuError) as refused:
        migration.rollback(gateway, "020")
    assert refused.value.code == "IU901"
    assert refused.value.hint
    assert refused.value.__notes__[0].endswith("failed, so no step was rolled back")
    assert picture(gateway) == before
    assert gateway.fetch_value("select event_id from public.event_outbox") == event_id


def test_a_rollback_that_would_make_workers_of_live_routes_refuses(gateway: Gateway) -> None:
    gateway.execute("select public.fn_iu_cursor_make('live:1', 'iu', 'delivery')")
    with pytest.raises(IuError, match="cursors of live routes") as refused:
        migration.rollback(gateway, "060")
    assert refused.value.code == "IU901"
    gateway.execute("delete from public.iu_route_worker_cursor where worker_name = 'live:1'")
    migration.rollback(gateway, "060")


def test_a_step_whose_proof_fails_is_refused_with_the_lines_that_failed(
    gateway: Gateway, tree: Path, add_step: Callable[[str, str], None]
) -> None:
    text = (
        "select public.fn_iu_proof_note('the figure', '1', '2');\nselect public.fn_iu_proof_end('990_new');\n"
    )
    add_step("990_new", text)
    with pytest.raises(ProofFailed) as refused:
        migration.apply(gateway, root=tree)
    assert "FAIL the figure | expected 1 | seen 2" in refused.value.__notes__


def test_a_verify_file_that_writes_is_stopped_and_fails(gateway: Gateway, tree: Path) -> None:
    path = tree / "iu-core/verify/020_gates.sql"
    path.write_text("delete from public.dot_config_history;\n")
    (proof,) = verification.verify(gateway, "020", root=tree)
    assert [line.name for line in proof.lines if not line.passed] == ["runs to its end"]
    assert "read-only" in proof.lines[-1].seen


def test_a_verify_file_that_prints_nothing_proves_nothing(gateway: Gateway, tree: Path) -> None:
    (tree / "iu-core/verify/020_gates.sql").write_text("select 1;\n")
    (proof,) = verification.verify(gateway, "020", root=tree)
    assert not proof.passed


def test_a_failing_line_keeps_the_lines_around_it_and_is_named(
    gateway: Gateway, tree: Path, add_step: Callable[[str, str], None]
) -> None:
    add_step("990_new", "select 1;\n")
    migration.apply(gateway, root=tree)
    (tree / "iu-core/verify/990_new.sql").write_text(
        "select public.fn_iu_proof_note('first', 'a', 'a');\n"
        "select public.fn_iu_proof_note('second | odd', 'b', 'c');\n"
        "select public.fn_iu_proof_note('third', null, null);\n"
        "select public.fn_iu_proof_end('990_new');\n"
    )
    (proof,) = verification.verify(gateway, "990", root=tree)
    assert [(line.name, line.expected, line.seen, line.passed) for line in proof.lines] == [
        ("ledger", "applied", "applied", True),
        ("first", "a", "a", True),
        ("second | odd", "b", "c", False),
        ("third", "null", "null", True),
    ]
    assert [line.name for line in failed_lines([proof])] == ["second | odd"]


def test_a_missing_object_fails_its_proof_and_no_other(gateway: Gateway) -> None:
    gateway.execute("alter table public.iu_outbound_route drop constraint dry_run_is_enforced")
    failed = {proof.step for proof in verification.verify(gateway) if not proof.passed}
    assert "040_routes" in failed
    assert "020_gates" not in failed


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_passes_and_leaves_no_trace(gateway: Gateway, name: str) -> None:
    tables = [row["relname"] for row in picture(gateway)["relations"] if row["relkind"] == "r"]
    count = " union all ".join(f"select '{table}', count(*) from public.{table}" for table in tables)
    before = (picture(gateway), gateway.fetch_all(count))
    (proof,) = verification.probe(gateway, name)
    assert failed_lines([proof]) == []
    assert proof.lines
    assert (picture(gateway), gateway.fetch_all(count)) == before


def test_a_probe_on_an_empty_database_fails(empty_gateway: Gateway) -> None:
    proofs = verification.probe(empty_gateway)
    assert proofs
    assert not any(proof.passed for proof in proofs)


def stall(gateway: Gateway, *drained: str) -> None:
    """Emit an event, drain workers, and move the past back by a day."""
    outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
    for name in drained:
        worker.run_once(gateway, name, 10)
    gateway.run_script(
        """
        set session_replication_role = replica;
        update public.event_outbox set created_at = created_at - interval '1 day';
        update public.dot_config set updated_at = updated_at - interval '1 day';
        update public.iu_route_worker_cursor
        set last_progress_at = last_run_at - interval '1 day', last_run_at = last_run_at - interval '1 day',
            added_at = added_at - interval '1 day';
        """
    )


def health_lines(proofs: Sequence[verification.Proof]) -> dict[str, str]:
    """Return what the lines about the health of workers saw, in words without numbers."""
    (proof,) = proofs
    lines = {line.name: line.seen for line in proof.lines if line.name.startswith("health of ")}
    return {name.removeprefix("health of "): re.sub(r"\d+", "N", seen) for name, seen in lines.items()}


STALLED = "false: the backlog has not moved for N seconds while the gates are open"


def test_the_health_that_is_proven_is_that_of_the_workers_that_the_caller_names(gateway: Gateway) -> None:
    stall(gateway, "one", "two")
    assert health_lines(verification.verify(gateway, "100")) == {"iu_outbound_default": STALLED}
    asked = verification.verify(gateway, "100", workers=["one", "two"])
    assert health_lines(asked) == {"one": "true", "two": "true"}
    assert failed_lines(asked) == []


def test_a_worker_that_stalls_is_named_among_those_that_do_not(gateway: Gateway) -> None:
    stall(gateway, "one")
    asked = verification.verify(gateway, "100", workers=["one", "never.ran"])
    assert health_lines(asked) == {"one": "true", "never.ran": f"{STALLED}; the worker has not run yet"}
    assert [line.name for line in failed_lines(asked)] == ["health of never.ran"]


def test_psql_proves_the_health_of_the_workers_in_the_setting_of_its_session(gateway: Gateway) -> None:
    stall(gateway, "one", "two")
    (file,) = (file for file in verification.proof_files(gateway, "verify") if file.name.startswith("100"))
    notices = gateway.run_script(f"set iu.workers = 'one, two'; {file.text}")
    passed = [notice.message.partition(" | ")[0] for notice in notices]
    assert [text for text in passed if "health" in text] == ["PASS health of one", "PASS health of two"]
    with pytest.raises(ProofFailed):
        gateway.run_script(file.text)


@pytest.mark.parametrize("name", ["it's", "a' || pg_sleep(9) || '", "two words", "\\"])
def test_a_malformed_name_of_a_worker_fails_the_proof(gateway: Gateway, name: str) -> None:
    (proof,) = verification.verify(gateway, "100", workers=[name])
    (failed,) = failed_lines([proof])
    assert failed.name == "runs to its end"
    assert "worker_name" in failed.seen
