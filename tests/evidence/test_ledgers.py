"""The verification of the ledgers names the first batch, attempt or dead letter that was edited."""

from __future__ import annotations

import pytest

from evidence.breaches import WORKER
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.evidence import ledgers

EDITS = {
    "its decision": (
        "update {log} set decision = 'skipped' where attempt_id = 6",
        "has the decision skipped",
    ),
    "its decision and its error": (
        "update {log} set decision = 'failed', error_code = 'worker_process_error' where attempt_id = 6",
        "failed, but has no dead letter",
    ),
    "its route": (
        "update {log} set route_no = 1, route_version = 1 where attempt_id = 6",
        "version of a route",
    ),
    "its event, for one of another batch": (
        "update {log} set event_id = (select event_id from {log} where attempt_id = 1), worker_no = worker_no"
        " where attempt_id = 6",
        "",
    ),
    "its event, for one that is not there": (
        "update {log} set event_id = gen_random_uuid() where attempt_id = 6",
        "not in the outbox",
    ),
    "its time": (
        "update {log} set created_at = created_at - interval '1 hour' where attempt_id = 6",
        "dated outside",
    ),
    "its batch": (
        "update {log} set batch_id = (select max(batch_id) from public.iu_route_batch) where attempt_id = 6",
        "",
    ),
    "its worker": ("update {log} set worker_no = 1 where attempt_id = 6", "has 3 attempts"),
    "its place": (
        "update {log} set attempt_id = case attempt_id when 6 then 7 else 6 end where attempt_id in (6, 7)",
        "order of events",
    ),
    "that it is there": ("delete from {log} where attempt_id = 6", "has 3 attempts"),
    "that there is no more": (
        "insert into {log} (batch_id, event_id, worker_no, route_no, route_version, decision)"
        " select batch_id, gen_random_uuid(), worker_no, route_no, route_version, decision from {log}"
        " where attempt_id = 6",
        "not in the outbox",
    ),
    "that it was delivered": (
        "update {log} set decision = 'sent' where attempt_id = 6",
        "has the decision sent",
    ),
}


@pytest.mark.parametrize(("edit", "named"), [pytest.param(*edit, id=title) for title, edit in EDITS.items()])
def test_an_edited_attempt_is_named(worked: Gateway, edit: str, named: str) -> None:
    assert ledgers.verify_attempts(worked, WORKER).fits
    worked.run_script(
        "alter table public.iu_route_attempt_log alter column attempt_id drop identity if exists;"
        "alter table public.iu_route_attempt_log alter column attempt_id set default 1000;"
        "alter table public.iu_route_attempt_log drop constraint each_try_is_made_once;"
        f"set session_replication_role = replica; {edit.format(log='public.iu_route_attempt_log')};"
    )
    found = ledgers.verify_attempts(worked, WORKER)
    assert not found.fits
    assert named in (found.fault or "")
    assert f"batch {found.misfit_batch_id}" in (found.fault or "")


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        ("update {log} set error_detail = 'all was well' where attempt_no = 2", "has another error"),
        ("update {log} set decision = 'dry_run', error_code = null where attempt_no = 2", "after attempt 2"),
        ("update {log} set decision = 'skipped' where attempt_no = 3", "is replayed"),
        ("delete from {log} where attempt_no = 2", "records 3 attempts, so 2 replays, but the audit has 1"),
        ("delete from {log} where attempt_no = 3", "records 3 attempts, so 2 replays, but the audit has 1"),
        ("update {log} set attempt_no = 4 where attempt_no = 3", "newest replay in the audit is attempt 4"),
    ],
)
def test_an_edited_replay_is_named_by_its_letter(worked: Gateway, edit: str, named: str) -> None:
    assert ledgers.replays_fault(worked) is None
    done = edit.format(log="public.iu_route_attempt_log")
    worked.run_script(f"set session_replication_role = replica; {done};")
    assert named in (ledgers.replays_fault(worked) or "")


def test_an_attempt_whose_error_differs_from_its_letter_is_named(worked: Gateway) -> None:
    worked.run_script(
        """
        set session_replication_role = replica;
        delete from public.iu_route_attempt_log where attempt_no > 1;
        update public.iu_route_dead_letter set attempts = 1, resolution = null, resolved_at = null;
        """
    )
    assert ledgers.verify_attempts(worked, WORKER).fits
    worked.run_script(
        "set session_replication_role = replica;"
        "update public.iu_route_attempt_log set error_detail = 'all was well' where decision = 'failed'"
    )
    assert "has another error" in (ledgers.verify_attempts(worked, WORKER).fault or "")


TAMPERING = {
    "altered": ("update {ledger} set dead_lettered = 1 where batch_id = {second}", "second", "was altered"),
    "altered, with a new hash": (
        "update {ledger} as b set seen = 3 where b.batch_id = {second};"
        "update {ledger} as b set batch_hash = public.fn_iu_batch_hash(b) where b.batch_id = {second}",
        "third",
        "does not follow batch {second}",
    ),
    "deleted in the middle": (
        "delete from {ledger} where batch_id = {second}",
        "third",
        "does not follow batch {first}",
    ),
    "deleted at the beginning": (
        "delete from {ledger} where batch_id = {first}",
        "second",
        "has the hash of an earlier batch",
    ),
    "deleted at the end": (
        "delete from {ledger} where batch_id = {last}",
        "fourth",
        "a later batch was deleted",
    ),
    "swapped": (
        "update {ledger} set batch_id = -1 where batch_id = {second};"
        "update {ledger} set batch_id = {second} where batch_id = {third};"
        "update {ledger} set batch_id = {third} where batch_id = -1",
        "second",
        "does not follow batch {first}",
    ),
    "inserted": (
        "insert into {ledger} select (jsonb_populate_record(b, jsonb_build_object('batch_id', {last} + 1))).*"
        " from {ledger} as b where b.batch_id = {last}",
        "forged",
        "does not follow batch {last}",
    ),
    "all deleted": ("delete from {ledger}", "none", "has no batch, but its cursor has the hash of one"),
}


@pytest.mark.parametrize(
    ("done", "misfit", "named"), [pytest.param(*case, id=title) for title, case in TAMPERING.items()]
)
def test_a_tampered_batch_is_named_as_the_first_that_does_not_fit_the_chain(
    worked: Gateway, done: str, misfit: str, named: str
) -> None:
    rows = worked.fetch_all("select batch_id from public.iu_route_batch order by batch_id")
    ids = dict(
        zip(("first", "second", "third", "fourth", "last"), (row["batch_id"] for row in rows), strict=True)
    )
    assert ledgers.verify_chain(worked, WORKER).fits
    worked.run_script(
        "alter table public.iu_route_batch alter column batch_id drop identity if exists;"
        f"set session_replication_role = replica; {done.format(ledger='public.iu_route_batch', **ids)};"
    )
    found = ledgers.verify_chain(worked, WORKER)
    assert found.misfit_batch_id == {**ids, "forged": ids["last"] + 1, "none": None}[misfit]
    assert named.format(**ids) in (found.fault or "")
