"""`iu audit` and `iu audit verify`."""

from __future__ import annotations

import pytest

from cli.emitting import add_letter, emit
from cli.running import Iu
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.worker import DEFAULT_WORKER


def test_audit_shows_decisions_attempts_and_letters(iu: Iu, database: str) -> None:
    event_id = emit(iu)
    iu("run")
    letter = add_letter(database, "iu.unknown")
    done = iu("audit")
    for words in ("dry_run", event_id, letter, "Open dead letters (1)"):
        assert words in done.out
    audit = iu("audit", "--json").json
    assert audit["attempts_by_decision"] == {"dry_run": 1}
    assert audit["dead_letters"][0]["dead_letter_id"] == letter
    assert [
        attempt["event_id"] for attempt in iu("audit", "--event", event_id, "--json").json["attempts"]
    ] == [event_id]


def test_audit_of_a_fresh_install_says_that_there_is_nothing(iu: Iu) -> None:
    assert iu("audit").out.splitlines() == [
        "Attempts by decision: none yet",
        "Newest attempts: none yet",
        "Open dead letters (0): none",
    ]


def test_audit_filters_by_run_worker_and_key_and_has_pages(iu: Iu) -> None:
    for _ in range(3):
        emit(iu)
    iu("run", "--worker", "second", "--create")

    def ids(*words: str) -> list[int]:
        return [attempt["attempt_id"] for attempt in iu("audit", *words, "--json").json["attempts"]]

    (newest, *older) = ids("--worker", "second")
    assert len(older) == 2
    assert ids("--limit", "1") == [newest]
    assert ids("--before", str(newest)) == older
    whole = iu("audit", "--json").json["attempts"]
    assert ids("--key", whole[0]["idempotency_key"]) == [newest]
    assert ids("--run", whole[0]["run_ref"] or "no run") == ([newest, *older] if whole[0]["run_ref"] else [])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--key", "no key"), 1, "malformed"),
        (("--run", "a", "--worker", "b"), 2, "Give one of them"),
        (("--key", "a", "--before", "3"), 2, "Leave out --before"),
        (("--worker", "no name!"), 1, "no such worker: 'no name!'"),
        (("--worker", ""), 1, "no such worker: ''"),
        (("--before", "9" * 22), 2, "is not in the range 0 to 9223372036854775807"),
        (("--before", "-1"), 2, "--before -1 is not in the range"),
    ],
)
def test_audit_refuses_invalid_filters(iu: Iu, words: tuple[str, ...], code: int, said: str) -> None:
    done = iu("audit", *words)
    assert done.code == code
    assert said in done.err


def test_audit_shows_workers_and_with_a_worker_only_its_letters(iu: Iu, database: str) -> None:
    emit(iu)
    iu("run", "--worker", "second", "--create")
    iu("run")
    letters = [add_letter(database, "iu.unknown") for _ in range(2)]
    whole = iu("audit").out
    for words in ("Attempts by decision", "second", DEFAULT_WORKER, *letters):
        assert words in whole
    only = iu("audit", "--worker", "second")
    assert "Open dead letters of second (0): none" in only.out
    for words in ("Attempts by decision", DEFAULT_WORKER, *letters):
        assert words not in only.out
    assert iu("audit", "--worker", "second", "--json").json["dead_letter_open"] == 0
    first = iu("audit", "--worker", DEFAULT_WORKER, "--limit", "1").out
    assert f"Open dead letters of {DEFAULT_WORKER} (the 1 due first of 2)" in first
    assert "Open dead letters (of all workers, 2)" in iu("audit", "--run", "none").out


@pytest.mark.usefixtures("worked")
def test_audit_verify_recomputes_every_ledger(iu: Iu) -> None:
    done = iu("audit", "verify")
    assert done.code == 0
    assert DEFAULT_WORKER in done.out
    assert "all rows match" in done.out


def test_audit_verify_of_a_range_reads_only_that_range(iu: Iu, worked: Gateway) -> None:
    first, second, third = (
        row["batch_id"]
        for row in worked.fetch_all("select batch_id from public.iu_route_batch order by batch_id")
    )
    worked.run_script(
        f"set session_replication_role = replica;"
        f"update public.iu_route_batch set dead_lettered = 1 where batch_id = {third}"
    )
    whole = iu("audit", "verify", "--to", str(second), "--json")
    assert (whole.code, whole.json["chains"][0]["batches"], whole.json["attempts"][0]["attempts"]) == (
        0,
        2,
        4,
    )
    later = iu("audit", "verify", "--from", str(second), "--worker", DEFAULT_WORKER, "--json")
    assert (later.code, later.json["faults"]) == (
        1,
        [f"batch {third} was altered: its hash does not match its columns"],
    )
    alone = iu("audit", "verify", "--from", str(first), "--to", str(first), "--chain-only", "--json")
    assert (alone.json["chains"][0]["batches"], alone.json["attempts"]) == (1, [])


def test_audit_verify_names_the_attempt_that_was_altered(iu: Iu, worked: Gateway) -> None:
    worked.run_script(
        "set session_replication_role = replica;"
        "update public.iu_route_attempt_log set decision = 'skipped' where attempt_id = 3"
    )
    done = iu("audit", "verify")
    assert done.code == 1
    assert "MISMATCH: attempt 3 of batch" in done.out


def test_audit_verify_refuses_a_reversed_range_and_an_unknown_worker(iu: Iu) -> None:
    assert iu("audit", "verify", "--from", "9", "--to", "3").code == 2
    unknown = iu("audit", "verify", "--worker", "nobody")
    assert unknown.code == 1
    assert "no such worker: 'nobody'" in unknown.err
