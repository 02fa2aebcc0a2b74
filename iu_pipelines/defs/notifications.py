"""Notifications: the sensor that reports failed runs, failed checks and dead letters that gave up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.defs import notice_messages, prune
from iu_pipelines.defs.dead_letters import DEAD_LETTERS_OPEN
from iu_pipelines.defs.kit import check_states
from iu_pipelines.defs.kit.check_states import CheckState
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.notice_channels import NotDelivered, channels
from iu_pipelines.defs.kit.notice_cursor import OVERLAP, Cursor, Found, Occurrence, Window
from iu_pipelines.defs.kit.notices import Notice
from iu_pipelines.defs.kit.resources import current_settings
from iu_pipelines.defs.kit.runs import failed_runs
from iu_pipelines.defs.kit.step_errors import line_of
from iu_pipelines.domain import dead_letters
from iu_pipelines.errors import IuError

SECONDS: Final = 30
"""The time after which a tick begins no delivery. Dagster ends a tick after 60 s, and its cursor is lost."""

_MOST: Final = 50
"""The number of failed runs of this outbox, and of dead letters, that one tick looks at."""

_MOST_RUNS: Final = 500

_States = Mapping[dg.AssetCheckKey, CheckState]


@dataclass(frozen=True)
class Watched:
    """The jobs, assets and checks of one outbox."""

    jobs: frozenset[str]
    assets: frozenset[dg.AssetKey]
    checks: tuple[dg.AssetCheckKey, ...]


@dataclass(frozen=True)
class _Pending:
    """A notice to deliver, and what to do when every channel has received it."""

    key: str
    notice: Callable[[], Notice]
    done: Callable[[], None]


@dataclass(frozen=True)
class Database:
    """What a tick reads from the database of the outbox, or why it cannot."""

    evaluation: dg.AssetCheckEvaluation | None = None
    letters: Found | None = None
    problem: str = ""


def definitions(mount: Mount, others: dg.Definitions) -> dg.Definitions:
    """Return the sensor that reports the failures of `others`, and of the job that prunes."""
    return dg.Definitions(sensors=[sensor(mount, watched(mount, others))])


def watched(mount: Mount, others: dg.Definitions) -> Watched:
    """Return the jobs, assets and checks of `others`, and the job that prunes."""
    assets = [one for one in others.assets or () if isinstance(one, dg.AssetsDefinition)]
    checks = [one for one in others.asset_checks or () if isinstance(one, dg.AssetChecksDefinition)]
    return Watched(
        jobs=frozenset({mount.named(prune.JOB), *(job.name for job in others.jobs or ())}),
        assets=frozenset(key for one in assets for key in one.keys),
        checks=tuple(sorted({key for one in (*assets, *checks) for key in one.check_keys}, key=_name)),
    )


def _name(check: dg.AssetCheckKey) -> str:
    return f"{check.asset_key.to_user_string()}:{check.name}"


def sensor(mount: Mount, own: Watched) -> dg.SensorDefinition:
    """Return the sensor. It changes nothing in the outbox, so it is switched on by default."""

    @dg.sensor(
        name=mount.named("notification_sensor"),
        minimum_interval_seconds=30,
        default_status=mount.sensor_status("notification_sensor", only_reads=True),
        required_resource_keys=mount.requires,
        description=(
            "Report failed runs, failed checks, unhealthy workers and dead letters that gave up, each once, "
            "to the function of the mount and to IU_NOTIFY_URL. Keep the check dead_letters_open true "
            "without a run."
        ),
        owners=list(mount.owners) or None,
    )
    def notification_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        tick = Tick(context, mount, own, context.cursor)
        states = check_states.read(context.instance, own.checks)
        ended = tick.end(states, _read(tick, context))
        if ended.failure and not ended.changed and ended.cursor == context.cursor:
            raise NotDelivered(ended.failure)
        context.update_cursor(ended.cursor)
        context.log.info(ended.said)
        events = [ended.changed] if ended.changed else []
        return dg.SensorResult(skip_reason=dg.SkipReason(ended.said), asset_events=events)

    return notification_sensor


def _read(tick: Tick, context: dg.SensorEvaluationContext) -> Database:
    """Read the database. If it is unavailable, failed runs and checks are reported nevertheless."""
    try:
        with tick.mount.open(context.resources) as gateway:
            return tick.look(gateway)
    except IuError as error:
        return unread(error)


def unread(error: IuError) -> Database:
    """Return what a tick knows of a database that cannot be read."""
    return Database(problem=f"the dead letters cannot be read: {line_of(error)}")


@dataclass(frozen=True)
class Ended:
    """What a tick did for one outbox: its words, the changed check, its cursor, and why it must be repeated.

    Dagster discards the cursor of a tick that fails. So a tick fails only if it has nothing to keep.
    """

    said: str
    changed: dg.AssetCheckEvaluation | None
    cursor: str | None
    failure: str


class Tick:
    """One evaluation of the sensor for one outbox, with the cursor of that outbox.

    The ticks of a fleet share `now`, `stop_at` and `runs`, which returns the runs that failed since a time.
    """

    def __init__(
        self,
        context: dg.SensorEvaluationContext,
        mount: Mount,
        own: Watched,
        cursor: str | None,
        *,
        now: datetime | None = None,
        stop_at: float | None = None,
        runs: Callable[[datetime], Sequence[dg.RunRecord]] | None = None,
    ) -> None:
        self._context = context
        self.mount = mount
        self._own = own
        self._stop_at = time.monotonic() + SECONDS if stop_at is None else stop_at
        self._now = now or datetime.now(UTC)
        self._runs = runs or partial(recent_failures, context.instance)
        self._channels = channels(mount, current_settings())
        self._given = cursor
        self._cursor = Cursor.read(cursor)

    def look(self, gateway: Gateway) -> Database:
        """Read the database. The states of checks are read before the letters are counted.

        So no older count replaces a newer one.
        """
        letters = self._cursor.letters or self._opened()
        return Database(
            evaluation=DEAD_LETTERS_OPEN.evaluation(gateway, self.mount),
            letters=_given_up(gateway, self.mount, letters.since) if self._channels else None,
        )

    def end(self, states: _States, database: Database) -> Ended:
        """Deliver the notices, and return the evaluation of the check of dead letters if it changed."""
        letters_open = dg.AssetCheckKey(self.mount.key(DEAD_LETTERS_OPEN.asset), DEAD_LETTERS_OPEN.name)
        changed = _if_changed(states.get(letters_open), database.evaluation)
        words, cursor, failure = self._report(states, database.letters, changed)
        parts = [words, database.problem]
        if changed:
            parts.append(f"{DEAD_LETTERS_OPEN.name} {'passes' if changed.passed else 'fails'} now")
        return Ended("; ".join(part for part in parts if part), changed, cursor, failure)

    def _opened(self) -> Window:
        return Window(since=self._now - OVERLAP)

    def _report(
        self, states: _States, letters: Found | None, changed: dg.AssetCheckEvaluation | None
    ) -> tuple[str, str | None, str]:
        """Deliver all notices, and return what was done, the cursor, and the failure."""
        if not self._channels:
            return "nobody is notified: neither `notify` of the mount nor IU_NOTIFY_URL is set", None, ""
        runs = self._failed_runs((self._cursor.runs or self._opened()).since)
        pending = [*self._of_runs(runs), *self._of_checks(states, changed), *self._of_letters(letters)]
        delivered, error = self._deliver(pending)
        if delivered == len(pending):
            self._move(runs, letters)
        left = len(pending) - delivered
        failure = f"{error}; the next tick tries again with {left} notices" if error else ""
        said = failure or self._looked_at(runs, states, letters, delivered, left)
        return said, self._cursor.model_dump_json(), failure

    def _of_runs(self, found: Found) -> Iterator[_Pending]:
        if self._cursor.runs is None:
            self._cursor.runs = self._opened().moved(found, self._now)
        yield from _unreported(self._cursor.runs, found)

    def _of_letters(self, found: Found | None) -> Iterator[_Pending]:
        if found is None:
            return
        if self._cursor.letters is None:
            self._cursor.letters = self._opened().moved(found, self._now)
        yield from _unreported(self._cursor.letters, found)

    def _of_checks(self, states: _States, changed: dg.AssetCheckEvaluation | None) -> Iterator[_Pending]:
        """Yield the checks that failed and were not reported since they passed."""
        states = {key: state for key, state in states.items() if state.verdict}
        red = {_name(key) for key, state in states.items() if state.verdict != "passed"}
        if self._cursor.failed_checks is None:
            red |= {_name(changed.asset_check_key)} if changed and not changed.passed else set()
            self._cursor.failed_checks = sorted(red)
        passed = {_name(key) for key in states} - red
        reported = [name for name in self._cursor.failed_checks if name not in passed]
        self._cursor.failed_checks = reported
        if self._cursor.partly and self._cursor.partly[0] in passed:
            self._cursor.partly = None
        failed = {key: state for key, state in states.items() if _name(key) in red.difference(reported)}
        for group, keys in _by_cause(failed).items():
            notice = partial(notice_messages.check_failed, self.mount, keys, failed[keys[0]])
            yield _Pending(group, notice, partial(reported.extend, map(_name, keys)))

    def _failed_runs(self, since: datetime) -> Found:
        """Return the runs of this outbox that failed after `since`."""
        instance = self._context.instance
        records = self._runs(since)
        found = [
            Occurrence(
                record.dagster_run.run_id,
                notice_messages.ended(record),
                partial(notice_messages.run_failed, instance, self.mount, self._own.assets, record),
            )
            for record in records
            if notice_messages.ended(record) > since and self._is_own(record.dagster_run)
        ]
        if len(found) > _MOST:
            return Found(found[:_MOST], found[_MOST - 1].at)
        return Found(found, records[-1].update_timestamp if len(records) == _MOST_RUNS else None)

    def _is_own(self, run: dg.DagsterRun) -> bool:
        """Return whether `run` belongs to this outbox: by its job, or by an asset or check it selects."""
        selected = {*(run.asset_selection or ()), *(key.asset_key for key in run.asset_check_selection or ())}
        return self._is_here(run) and (run.job_name in self._own.jobs or bool(selected & self._own.assets))

    def _is_here(self, run: dg.DagsterRun) -> bool:
        """Return whether `run` was launched from this code location, or from none."""
        here, origin = self._context.code_location_origin, run.remote_job_origin
        if here is None or origin is None:
            return True
        repository = origin.repository_origin
        return (repository.code_location_origin.location_name, repository.repository_name) == (
            here.location_name,
            self._context.repository_name,
        )

    def _deliver(self, pending: list[_Pending]) -> tuple[int, NotDelivered | None]:
        """Deliver in order, and return how many were delivered, and the error that stopped it."""
        for place, one in enumerate(pending):
            if time.monotonic() > self._stop_at:
                return place, None
            try:
                self._cursor.deliver(one.key, one.notice(), self._channels)
            except NotDelivered as error:
                return place, error
            one.done()
        return len(pending), None

    def _move(self, runs: Found, letters: Found | None) -> None:
        """Move the windows of the cursor past everything found, because all of it was delivered."""
        if self._cursor.runs:
            self._cursor.runs = self._cursor.runs.moved(runs, self._now)
        if self._cursor.letters and letters:
            self._cursor.letters = self._cursor.letters.moved(letters, self._now)

    def _looked_at(
        self, runs: Found, states: _States, letters: Found | None, delivered: int, left: int
    ) -> str:
        red = sum(state.verdict in ("failed", "not_evaluated") for state in states.values())
        gave_up = len(letters.occurrences) if letters else 0
        waiting = f", {left} are left for the next tick" if left else ""
        return (
            f"{delivered} notices delivered{waiting}; looked at {len(runs.occurrences)} runs that failed "
            f"recently, {len(self._own.checks)} checks, of which {red} fail, and {gave_up} dead letters that "
            "gave up recently"
        )


def recent_failures(instance: dg.DagsterInstance, since: datetime) -> Sequence[dg.RunRecord]:
    """Return the runs that failed since a time, of every outbox, at most 500."""
    return failed_runs(instance, since, _MOST_RUNS)


def _unreported(window: Window, found: Found) -> Iterator[_Pending]:
    for one in found.occurrences:
        if one.key not in window.reported:
            yield _Pending(one.key, one.notice, partial(window.reported.append, one.key))


def _by_cause(failed: _States) -> dict[str, list[dg.AssetCheckKey]]:
    """Return each failed check alone, and together the checks that one failed run did not evaluate."""
    groups: dict[str, list[dg.AssetCheckKey]] = {}
    for key, state in failed.items():
        group = f"checks of {state.run_id}" if state.evaluation is None else _name(key)
        groups.setdefault(group, []).append(key)
    return groups


def _if_changed(
    state: CheckState | None, evaluation: dg.AssetCheckEvaluation | None
) -> dg.AssetCheckEvaluation | None:
    """Return `evaluation` if it differs from the latest one, unless a run is about to evaluate the check.

    A check that was never evaluated counts as passed. A check whose run ended without a result is evaluated.
    """
    if evaluation is None or (state and state.is_pending):
        return None
    if state is None:
        return None if evaluation.passed else evaluation
    is_same = state.is_latest and state.verdict == ("passed" if evaluation.passed else "failed")
    return None if is_same else evaluation


def _given_up(gateway: Queries, mount: Mount, since: datetime) -> Found:
    """Return the open letters that have reached `mount.replay_attempts` after `since`."""
    found = dead_letters.list_given_up(gateway, mount.replay_attempts, since, _MOST)
    occurrences = [
        Occurrence(
            str(letter.dead_letter_id),
            letter.gave_up_at,
            partial(notice_messages.letter_gave_up, mount, letter, letter.gave_up_at),
        )
        for letter in found
    ]
    return Found(occurrences, found[-1].gave_up_at if len(found) == _MOST else None)
