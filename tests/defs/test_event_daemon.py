"""Event jobs with the real daemon: workers, daemon and PostgreSQL are killed while runs are under way.

Each event is handled to its end. One is handled to its end twice only if its run was killed before it could
record that. `IU_LONG=1` kills many more and prints the counts.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import pytest

import servers
from defs.handling import ROUTE, TARGET
from delivery.verdict import unsound
from delivery.world import DEPLOYMENT, World, url_of
from dev_server import Dev, running
from engine.sessions import opened
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.hosting.instance_configuration import configuration
from waiting import eventually

LONG: Final = os.environ.get("IU_LONG") == "1"
SUBJECTS, EACH = (10, 8) if LONG else (3, 2)
KILLS: Final = 40 if LONG else 4
SECONDS_BETWEEN: Final = (0.5, 6.0) if LONG else (0.5, 1.5)
LOCATION: Final = Path(__file__).with_name("event_location.py")
OPTIONS: Final = '{"events_per_run": 3, "max_runs": 4}'


@dataclass(frozen=True)
class Line:
    """A line that the handler wrote."""

    word: str
    key: str
    attempt_no: int
    sequence: int
    subject: str
    run_id: str
    pid: int


class Place:
    """A running `iu dev` with the code location of a user, whose outbox is on another server."""

    def __init__(self, shared: Path, folder: Path) -> None:
        self.file = folder / "handled"
        self.file.touch()
        self.workspace = folder / "workspace.yaml"
        source = {"relative_path": str(LOCATION), "location_name": "iu_pipelines"}
        self.workspace.write_text(json.dumps({"load_from": [{"python_file": source}]}), encoding="utf-8")
        self.outbox = servers.make(shared / f"outbox {os.getpid()}", {})
        self.login = f"iu_test_sender_{os.getpid()}"
        self.dev: Dev
        self.counts: Counter[str] = Counter()
        self.killed: set[str] = set()

    @property
    def environment(self) -> dict[str, str]:
        url = self.outbox.url()
        return {
            "OUTBOX_URL": url, "OUTBOX_SENDER_URL": url_of(url, self.login), "IU_DEPLOYMENT": DEPLOYMENT,
            "HANDLED_FILE": str(self.file), "HANDLE_SECONDS": "1.0",
        }  # fmt: skip

    def prepare(self, _dev: Dev) -> dict[str, str]:
        self.outbox.ensure_running()
        with Gateway(self.outbox.url()) as owner:
            migration.apply(owner, ["delivery"])
        with self.world() as world:
            retries = {"retry_seconds": [1] * 9, "lease_seconds": 60}
            world.add_target(TARGET, kind="dagster_job", address="", options=OPTIONS, **retries)
            world.add_route(ROUTE, "version_applied", TARGET, valid_for="20 days")
            world.open_gates()
            world.set_gate("jobs", "true")
        return self.environment

    @contextmanager
    def world(self) -> Iterator[World]:
        with Gateway(self.outbox.url()) as owner:
            world = World(owner, self.outbox.url(), self.login)
            yield world
            world.close()

    def lines(self) -> list[Line]:
        found = []
        for text in self.file.read_text(encoding="utf-8").splitlines():
            word, key, attempt_no, sequence, subject, run_id, pid = text.split()
            found.append(Line(word, key, int(attempt_no), int(sequence), subject, run_id, int(pid)))
        return found

    def under_way(self) -> list[Line]:
        """Return the events that processes that live are handling."""
        lines = self.lines()
        ended = {(one.key, one.attempt_no) for one in lines if one.word == "end"}
        begun = [one for one in lines if (one.key, one.attempt_no) not in ended and one.word == "begin"]
        return [one for one in begun if Path(f"/proc/{one.pid}").exists()]

    def left(self) -> int:
        """Return how many deliveries are not settled, and how many events are not queued."""
        with Gateway(self.outbox.url()) as owner:
            sent = owner.fetch_value(
                "select count(*) from public.iu_delivery_outcome where decision = 'sent' and not stale"
            )
        return SUBJECTS * EACH - int(sent)

    def kill_a_worker(self) -> None:
        one = eventually(self._one_under_way, "a run is under way")
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
            self.killed.add(one.run_id)

    def terminate_a_run(self) -> None:
        one = eventually(self._one_under_way, "a run is under way")
        self.killed.add(one.run_id)
        self.dev.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=one.run_id)

    def crash_the_server(self) -> None:
        eventually(self._one_under_way, "a run is under way")
        self._crash_now()
        time.sleep(random.uniform(0, 3))
        self.outbox.ensure_running()

    def _crash_now(self) -> None:
        pid_file = self.outbox.home / "postgres" / "data" / "postmaster.pid"
        os.kill(int(pid_file.read_text(encoding="utf-8").split()[0]), signal.SIGQUIT)
        eventually(lambda: not self.outbox.is_running(), "the server has stopped")

    def kill_the_daemon(self) -> None:
        """Kill the daemon; `iu dev` then ends its other processes, and is started again."""
        self._end_of_the_daemon()

    def kill_the_daemon_before_a_launch(self) -> None:
        """Kill the daemon when it has made a run and not yet launched it, if that can be seen."""
        storage = self.dev.server.url().rpartition("/")[0] + "/iu_dagster"
        with suppress(psycopg.Error), psycopg.connect(storage, autocommit=True) as session:
            until = time.monotonic() + 15
            while time.monotonic() < until:
                found = session.execute("select run_id from runs where status = 'NOT_STARTED'").fetchone()
                if found:
                    self.counts["seen before the launch"] += 1
                    break
        self._end_of_the_daemon()

    def _end_of_the_daemon(self) -> None:
        self.killed |= {one.run_id for one in self.under_way()}
        for pid in self.dev.processes():
            with suppress(OSError):
                if b"dagster._daemon" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
        assert self.dev.process
        self.dev.process.communicate(timeout=120)
        self.killed |= {one.run_id for one in self.under_way()}
        eventually(lambda: not self.dev.processes(), "no process of Dagster is left")
        self.dev.start("--workspace", str(self.workspace), **self.environment)

    def _one_under_way(self) -> Line | None:
        found = self.under_way()
        return random.choice(found) if found else None

    def stages(self) -> list[Callable[[], None]]:
        usual = [self.kill_a_worker, self.crash_the_server, self.terminate_a_run]
        daemons = [self.kill_the_daemon, self.kill_the_daemon_before_a_launch]
        return [*usual, daemons[1], *usual, daemons[0]] if LONG else [*usual, daemons[0]]

    def play(self) -> None:
        """Kill one thing after the other, and wait until every event is sent."""
        stages = self.stages()
        for number in range(KILLS):
            if LONG and self.left() == 0:
                break
            stage = stages[number % len(stages)]
            stage()
            self.counts[stage.__name__] += 1
            time.sleep(random.uniform(*SECONDS_BETWEEN))
        for _ in range(10 if LONG else 2):
            with suppress(AssertionError):
                eventually(lambda: self.left() == 0, "every event is sent", pause=0.5)
                return
        assert self.left() == 0, "every event is sent"

    def status(self, run_id: str) -> str:
        return self.dev.status(run_id)


def faults(place: Place) -> dict[str, int]:
    """Return how often each promise was broken."""
    lines = place.lines()
    ends = [one for one in lines if one.word == "end"]
    begins = [one for one in lines if one.word == "begin"]
    status = {run_id: place.status(run_id) for run_id in {one.run_id for one in lines}}
    with place.world() as world:
        events = world.owner.fetch_all(
            "select event_id, event_subject_ref as subject from public.event_outbox order by event_seq"
        )
        claims = {
            (row["event_id"].hex, row["attempt_no"]): row
            for row in world.owner.fetch_all(
                """select c.event_id, c.attempt_no, l.run_ref, o.decision, o.stale
                   from public.iu_delivery_claim as c
                   inner join public.iu_delivery_ledger as l on l.ledger_no = c.ledger_no
                   left join public.iu_delivery_outcome as o on o.claim_id = c.claim_id"""
            )
        }
        queue = world.queue()
        sums = world.owner.fetch_all(
            """select state, deliveries from public.fn_iu_delivery_conservation(
                   %s, 1, (select max(event_seq) from public.event_outbox)
               )""",
            (ROUTE,),
        )
    with opened(place.outbox.url()) as (session,):
        chains = unsound(session)
    ended: dict[str, list[Line]] = defaultdict(list)
    for one in ends:
        ended[event_of(one)].append(one)
    repeated = [found for found in ended.values() if len(found) > 1]
    return {
        "lost": sum(not ended[one["event_id"].hex] for one in events),
        "out of order": disordered(lines, [str(one["subject"]) for one in events]),
        "twice by a run that succeeded": sum(
            status[one.run_id] == "SUCCESS" for found in repeated for one in found[:-1]
        ),
        "twice without a kill": sum(
            one.run_id not in place.killed for found in repeated for one in found[:-1]
        ),
        "unclaimed": sum(
            claims.get((event_of(one), one.attempt_no), {}).get("run_ref") != one.run_id for one in begins
        ),
        "begun twice": len(begins) - len({(one.key, one.attempt_no) for one in begins}),
        "without an outcome": sum(one["decision"] is None for one in claims.values()),
        "not sent once": sum(
            sum(row["decision"] == "sent" and not row["stale"] for (event, _), row in claims.items()
                     if event == one["event_id"].hex) != 1
            for one in events
        ),
        "queued": len(queue),
        "chains": chains,
        "conservation": sum(one["deliveries"] for one in sums if one["state"] != "sent"),
    }  # fmt: skip


def event_of(line: Line) -> str:
    return line.key.split("_")[1]


def disordered(lines: list[Line], subjects: list[str]) -> int:
    """Count events that were begun before the former event of their subject was handled to its end."""
    count = 0
    for subject in set(subjects):
        done: list[int] = []
        for one in (one for one in lines if one.subject == subject):
            known = sorted({other.sequence for other in lines if other.subject == subject})
            before = [sequence for sequence in known if sequence < one.sequence]
            count += not set(before) <= set(done)
            if one.word == "end":
                done.append(one.sequence)
    return count


@pytest.fixture
def place(shared: Path, tmp_path: Path) -> Iterator[Place]:
    place = Place(shared, tmp_path)
    written = configuration()
    written["run_monitoring"]["poll_interval_seconds"] = 2
    options = ("--workspace", str(place.workspace))
    try:
        with running(shared, *options, dagster_yaml=json.dumps(written), prepare=place.prepare) as dev:
            place.dev = dev
            yield place
    finally:
        place.outbox.stop()


@pytest.mark.timeout(2400 if LONG else 400)
def test_kills_lose_no_event_and_no_run_is_repeated_that_dagster_knows_as_done(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with place.world() as world:
        for _ in range(EACH):
            for number in range(SUBJECTS):
                world.emit(number + 1)
    place.play()
    found = faults(place)
    if LONG:
        lines = place.lines()
        with capsys.disabled():
            print(
                f"\n{SUBJECTS * EACH} events, {dict(place.counts)}, {time.monotonic() - began:.0f} s; "
                f"{len({one.run_id for one in lines})} runs, "
                f"{sum(one.word == 'begin' for one in lines)} begun, "
                f"{sum(one.word == 'end' for one in lines)} handled to their end; {found}"
            )
    assert not any(found.values()), found


def test_the_verdict_sees_what_is_wrong() -> None:
    def line(word: str, sequence: int, attempt_no: int = 1) -> Line:
        return Line(word, f"evt_{sequence:032x}_1", attempt_no, sequence, "s", "r", 1)

    right = [line("begin", 1), line("end", 1), line("begin", 2), line("end", 2)]
    assert disordered(right, ["s"]) == 0
    assert disordered([right[2], right[3], *right[:2]], ["s"]) == 2
    assert disordered([right[0], right[2], right[1], right[3]], ["s"]) == 1
