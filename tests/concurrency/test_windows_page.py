"""The example on the page about windows, performed on PostgreSQL: each of its numbers is seen here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from engine.sessions import Session, emit, opened, read_committed, run, value
from generators import windows
from generators.windows import Example, Step, numbers

_READ = """select coalesce(array_agg(event_id order by attempt_id), '{}') from public.iu_route_attempt
where batch_id = %s and attempt_no = 1"""
_CURSOR = """select to_jsonb(c) from public.iu_route_worker_cursor as c where worker_name = 'tester'"""
_SHOWS = "select pg_visible_in_snapshot(%s::text::xid8, %s::text::pg_snapshot)"
_AFTER_NUMBER = """select coalesce(array_agg(event_seq order by event_seq), '{}') from (
select event_seq from public.event_outbox where event_seq > %s order by event_seq limit %s) as o"""
_BELOW_OLDEST = """select coalesce(array_agg(event_seq order by event_seq), '{}') from public.event_outbox
where emitted_xid < pg_snapshot_xmin(pg_current_snapshot())"""


class Stage:
    """The sessions of an example, and what was seen of its events and snapshots."""

    def __init__(self, example: Example, sessions: list[Session]) -> None:
        self.worker, self.reader, *others = sessions
        self.by_name = dict(zip(example.transactions, others, strict=True))
        self.xids: dict[str, str] = {}
        self.number_of: dict[UUID, int] = {}
        self.seq_of: dict[int, int] = {}
        self.snapshots: list[str] = []
        self.last_number = 0
        self.rows: list[tuple[str, ...]] = []
        self.shown: list[tuple[str, ...]] = []
        self.naive: list[list[int]] = []
        self.waiting: list[list[int]] = []

    def perform(self, step: Step) -> None:
        if step.who == windows.WORKER:
            self.run(step)
            return
        session = self.by_name[step.who]
        for act in step.acts:
            self.act(step.who, session, act)

    def act(self, who: str, session: Session, act: str) -> None:
        word, _, number = act.partition(" ")
        if word == "begins":
            session.execute("begin")
            self.xids[who] = value(session, "select pg_current_xact_id()::text")
        elif word == "writes":
            session.execute("insert into public.elsewhere values (1)")
        elif word == "emits":
            event = emit(session, int(number))
            self.number_of[event] = int(number)
            self.seq_of[int(number)] = value(
                session, "select event_seq from public.event_outbox where event_id = %s", (event,)
            )
        else:
            assert act in {"commits", "rolls back"}
            session.execute("commit" if act == "commits" else "rollback")

    def run(self, step: Step) -> None:
        name, limit = step.acts[0], numbers(step.acts[1])[0]
        said = run(self.worker, limit=limit)
        cursor: dict[str, Any] = value(self.worker, _CURSOR)
        read = [self.number_of[event] for event in value(self.worker, _READ, (said["batch_id"],))]
        used = cursor["window_snapshot"] or cursor["consumed_snapshot"]
        if used not in self.snapshots and said["seen"]:
            self.snapshots.append(used)
            self.shown.append((str(len(self.snapshots)), name, *self.ended_and_open(used)))
        self.rows.append((name.removeprefix("run "), listed(read), self.after(cursor)))
        new = value(self.reader, _AFTER_NUMBER, (self.last_number, limit))
        self.last_number = max([self.last_number, *new])
        self.naive.append(self.numbered(new))
        self.waiting.append(self.numbered(value(self.reader, _BELOW_OLDEST)))

    def ended_and_open(self, snapshot: str) -> tuple[str, str]:
        shown = {name: value(self.reader, _SHOWS, (xid, snapshot)) for name, xid in self.xids.items()}
        ended = sorted(name for name in shown if shown[name])
        return ", ".join(ended), ", ".join(name for name in shown if not shown[name])

    def after(self, cursor: dict[str, Any]) -> str:
        consumed = f"consumed snapshot {self.number(cursor['consumed_snapshot'])}"
        if cursor["window_snapshot"] is None:
            assert cursor["position_seq"] == 0
            return consumed
        (position,) = self.numbered([cursor["position_seq"]])
        return f"{consumed}, window snapshot {self.number(cursor['window_snapshot'])}, position {position}"

    def number(self, snapshot: str) -> int:
        return self.snapshots.index(snapshot) + 1

    def numbered(self, seqs: list[int]) -> list[int]:
        names = {seq: number for number, seq in self.seq_of.items()}
        return [names[seq] for seq in seqs]


def listed(found: list[int]) -> str:
    return ", ".join(map(str, found)) or "none"


@pytest.fixture
def stage(database: str) -> Iterator[Stage]:
    example = windows.example()
    with opened(database, len(example.transactions) + 2) as sessions:
        read_committed(*sessions)
        stage = Stage(example, sessions)
        stage.worker.execute("create table public.elsewhere (n int)")
        run(stage.worker)
        yield stage


def test_the_page_shows_what_postgresql_does(stage: Stage) -> None:
    example = windows.example()
    for step in example.steps:
        stage.perform(step)
    assert [row[:4] for row in stage.shown] == list(example.snapshots)
    assert stage.rows == [(row[0], row[3], row[4]) for row in example.runs]
    by_reader = {row[0]: row[1:] for row in example.readers}
    committed = value(stage.reader, "select array_agg(event_seq order by event_seq) from public.event_outbox")
    every = stage.numbered(committed)
    for name, batches in (
        ("windows", [numbers(row[1]) for row in stage.rows]),
        ("after the last number that was read", stage.naive),
        ("below the oldest open transaction", stage.waiting),
    ):
        left = sorted(set(every) - {number for batch in batches for number in batch})
        assert by_reader[name] == (*map(listed, batches), listed(left)), name
    assert sorted(stage.seq_of, key=stage.seq_of.__getitem__) == sorted(stage.seq_of)


def test_the_windows_of_the_page_are_what_one_snapshot_shows_and_the_other_does_not() -> None:
    example = windows.example()
    ended = {"0": set[str](), **{row[0]: set(row[2].split(", ")) for row in example.snapshots}}
    rolled_back = {step.who for step in example.steps if "rolls back" in step.acts}
    for run_no, window, events, *_ in example.runs:
        before, after = ([0, 0, *numbers(window)])[-2:]
        new = ended[str(after)] - ended[str(before)] - rolled_back
        emitted = sorted(
            number
            for step in example.steps
            if step.who in new
            for act in step.acts
            for number in numbers(act)
        )
        assert numbers(events) == emitted, run_no


def test_a_page_that_is_wrong_about_a_commit_is_noticed(stage: Stage) -> None:
    example = windows.example()
    for step in example.steps:
        if step.who != "A" or "commits" not in step.acts:
            stage.perform(step)
    assert stage.rows != [(row[0], row[3], row[4]) for row in example.runs]
