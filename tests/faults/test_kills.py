"""Interruptions at every write of every function, and between any two of its statements.

Nothing is lost, written twice or written in part, and the next call succeeds. The short form interrupts at
every place once and uses every kind of interruption. `IU_LONG=1` interrupts at every place in every way,
twice, and at every statement of a run in four ways, and prints the number of interruptions.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

import servers
from engine.sessions import Session, drain, emit_many, make_live, value
from faults import arena as strikes
from faults.arena import Arena, Strike
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from soak.ledger import Ledger
from soak.verdict import Verdict, judge

LONG = os.environ.get("IU_LONG") == "1"
WORKER = "iu_outbound_default"

ACTS = {
    "first run": "select public.fn_iu_route_worker_run('{fresh}', 1000)",
    "run": f"select public.fn_iu_route_worker_run('{WORKER}', 1000)",
    "replay": "select public.fn_iu_route_dead_letter_replay('{letter}')",
    "seek": f"select public.fn_iu_route_worker_seek('{WORKER}', '{{event}}', 'struck')",
    "emit": "select public.fn_iu_emit_event('version_applied', 'A', gen_random_uuid(), 'arena', '{{}}')",
    "emit many": "select count(*) from public.fn_iu_emit_events((select jsonb_agg(jsonb_build_object("
    "'event_type', 'version_applied', 'canonical_address', 'A', 'subject_ref', gen_random_uuid(), "
    "'actor_ref', 'arena', 'safe_payload', '{{}}'::jsonb)) from generate_series(1, 9)))",
    "gate": "select public.fn_iu_gate_set('iu_core.stall_seconds', '301', 'struck')",
}
PLACES = [
    ("first run", "name_assigned"),
    ("first run", "cursor_made"),
    ("first run", "cursor_moved"),
    ("run", "attempts_half_written"),
    ("run", "attempts_written"),
    ("run", "letter_begun"),
    ("run", "batch_begun"),
    ("run", "tally_begun"),
    ("run", "cursor_begun"),
    ("run", "cursor_moved"),
    ("run", "batch_committing"),
    ("replay", "letter_updated"),
    ("replay", "attempts_written"),
    ("replay", "tally_begun"),
    ("replay", "letter_committing"),
    ("seek", "cursor_begun"),
    ("seek", "seek_begun"),
    ("emit", "event_begun"),
    ("emit", "event_committing"),
    ("emit many", "event_written"),
    ("gate", "gate_begun"),
    ("gate", "gate_change_recorded"),
]
STRIKES: list[tuple[Strike, str]] = [
    (strikes.terminate, ""),
    (strikes.kill_backend, ""),
    (strikes.kill_client, ""),
    (strikes.kill_server, ""),
    (strikes.stop_at_once, ""),
    (strikes.restart, ""),
    (strikes.cancel, ""),
    (strikes.wait_for_timeout, "set statement_timeout = '200ms'"),
    (strikes.wait_for_timeout, "set lock_timeout = '200ms'"),
]


EVERYWHERE: list[tuple[str, Strike]] = [
    *(
        ("run", strike)
        for strike in (strikes.terminate, strikes.kill_backend, strikes.kill_server, strikes.restart)
    ),
    *((act, strikes.kill_backend) for act in ("first run", "replay", "seek")),
]
"""Acts that are interrupted between any two statements, and how; the short form has the first."""

STRIDE = 1 if LONG else 3


def cases() -> list[tuple[tuple[str, str], tuple[Strike, str]]]:
    """Combine every place with the first strike and one place with every strike, or all twice if `LONG`."""
    if LONG:
        every = [
            (place, strike) for place, strike in product(PLACES, STRIKES) if not _is_beyond(place, strike)
        ]
        return every * 2
    return [(place, STRIKES[0]) for place in PLACES] + [(PLACES[6], strike) for strike in STRIKES[1:]]


def _is_beyond(place: tuple[str, str], strike: tuple[Strike, str]) -> bool:
    """Return whether the strike has no effect there: statement_timeout does not apply to the commit."""
    return "committing" in place[1] and "statement_timeout" in strike[1]


@pytest.fixture(scope="module")
def arena(shared: Path) -> Iterator[Arena]:
    home = Path(tempfile.mkdtemp(prefix="arena-", dir=shared))
    server = servers.make(home)
    try:
        arena = Arena(server, server.ensure_running())
        with Gateway(arena.url) as gateway:
            migration.apply(gateway)
        with arena.session() as session:
            make_live(session, "iu.structure_piece_split.workflow")
        arena.install()
        yield arena
        arena.client.kill()
    finally:
        server.stop()
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def stepped(arena: Arena) -> Arena:
    """Return the arena, with every statement of the engine as a halting place."""
    arena.install_steps()
    return arena


def prepare(session: Session) -> dict[str, str]:
    """Emit events, one of them failing; return a new worker, a letter to replay and an event to seek."""
    emit_many(session, 1, "structure_piece_split")
    drain(session, WORKER)
    emit_many(session, 11)
    emit_many(session, 1, "structure_piece_split")
    known = value(session, "select count(*) from public.iu_route_worker_cursor")
    return {
        "fresh": f"arena.{known}",
        "letter": str(
            value(session, "select dead_letter_id from public.iu_route_dead_letter where resolution is null")
        ),
        "event": str(value(session, "select event_id from public.event_outbox order by event_seq limit 1")),
    }


def verdict(session: Session) -> Verdict:
    workers = value(session, "select array_agg(worker_name) from public.iu_route_worker_cursor")
    for worker in workers:
        drain(session, worker)
    return judge(session, Ledger(), [], workers)


@pytest.mark.parametrize(
    ("where", "how"),
    cases(),
    ids=lambda part: (
        " at ".join(part)
        if isinstance(part[0], str)
        else f"{part[0].__name__} {part[1].split('=')[0]}".strip()
    ),
)
def test_an_interruption_leaves_all_or_nothing_and_the_next_call_succeeds(
    arena: Arena, where: tuple[str, str], how: tuple[Strike, str]
) -> None:
    strike, setting = how
    with arena.session() as session:
        act = ACTS[where[0]].format(**prepare(session))
    before = arena.facts()
    with arena.halted(act, where[1], *filter(None, [setting])) as backend:
        strike(arena, backend)
        if strike is not strikes.kill_client:
            assert arena.client.ended() != "done"
    arena.url = arena.server.ensure_running()
    if strike is strikes.kill_client:
        arena.wait_for_end(backend)
    else:
        assert arena.facts() == before
    with arena.session() as session:
        assert value(session, act) is not None
        assert verdict(session) == Verdict()


@pytest.mark.timeout(3600 if LONG else 600)
@pytest.mark.parametrize(
    ("act", "strike"),
    EVERYWHERE if LONG else EVERYWHERE[:1],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_an_interruption_at_any_statement_leaves_nothing(
    stepped: Arena, act: str, strike: Strike, capsys: pytest.CaptureFixture[str]
) -> None:
    step = steps_of_act = 1
    while step <= steps_of_act:
        with stepped.session() as session:
            words = ACTS[act].format(**prepare(session))
        steps_of_act = stepped.count_steps(words)
        before = stepped.facts()
        with stepped.halted_at(words, step) as backend:
            strike(stepped, backend)
            assert stepped.client.ended() != "done"
        stepped.url = stepped.server.ensure_running()
        assert stepped.facts() == before
        with stepped.session() as session:
            assert value(session, words) is not None
            assert verdict(session) == Verdict()
        step += STRIDE
    assert steps_of_act > 25
    if LONG:
        with capsys.disabled():
            print(f"\n{act}: interrupted at each of {steps_of_act} statements by {strike.__name__}")


def test_work_split_into_two_transactions_is_left_incomplete_by_a_kill(arena: Arena) -> None:
    with arena.session() as session:
        prepare(session)
        session.execute(
            f"create or replace procedure public.two_steps() language plpgsql as $$ begin {ACTS['gate']}; "
            f"commit; {ACTS['run']}; end $$".replace("select public", "perform public")
        )
    before = arena.facts()
    with arena.halted("call public.two_steps()", "batch_begun") as backend:
        strikes.terminate(arena, backend)
        assert arena.client.ended() == "57P01"
    assert arena.facts() != before


def test_a_worker_whose_client_was_killed_holds_its_cursor_and_nothing_else(arena: Arena) -> None:
    with arena.session() as session:
        prepare(session)
        with arena.halted(ACTS["run"], "batch_begun") as backend:
            strikes.kill_client(arena, backend)
            assert value(session, ACTS["run"])["status"] == "worker_busy"
            emit_many(session, 3)
            assert (
                value(session, "select public.fn_iu_route_worker_run('arena.other', 1000)")["status"] == "ran"
            )
        arena.wait_for_end(backend)
        assert value(session, ACTS["run"])["seen"] == 3
        assert verdict(session) == Verdict()
