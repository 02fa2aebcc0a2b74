"""Governed actions: jobs that set a gate, seek a worker or discard a dead letter, if the mount allows them.

The database records the actor, the run and the reason. A run that Dagster retries, or that a user executes
again, does not act a second time: the records name the first run of the series, and each action looks for
them in the transaction in which it acts.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import dagster as dg
from pydantic import Field, create_model

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.configuration import Action, Mount
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.defs.kit.validated_config import UuidText, choice, uuid_or, validated
from iu_pipelines.domain import dead_letters, gates, health, worker
from iu_pipelines.domain.dead_letters import DeadLetter
from iu_pipelines.errors import IuError

_SEARCHED: Final = 1_000
"""The number of records, newest first, in which an action looks for one of the same run."""

_BUSY_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05

_Result = TypeVar("_Result")


class ActionConfig(dg.Config):
    """Who acts, and why. Both are required, and recorded."""

    reason: str = Field(
        pattern=r"\S", max_length=1_500, description="Why. Recorded in the database; up to 1,500 characters."
    )
    actor: str = Field(
        pattern=r"\S", max_length=100, description="Your name. Recorded; up to 100 characters."
    )


class GateSetConfig(ActionConfig):
    """The gate and its new value. `gate_set_config` adds the field `key`, which lists the gates."""

    value: str = Field(
        max_length=2_000,
        description="true opens the gate, false closes it; a list of routes for the live routes.",
    )


class WorkerSeekConfig(ActionConfig):
    """The position of a worker. `worker_seek_config` adds the field `worker`, which lists the workers."""

    position: Annotated[str, uuid_or("beginning", "latest")] = Field(
        description="beginning, latest, or the id of the event to continue after."
    )


class DeadLetterDiscardConfig(ActionConfig):
    """The dead letter to close without a replay."""

    dead_letter_id: UuidText = Field(description="The id of the dead letter, a UUID.")


@cache
def gate_set_config() -> type[ActionConfig]:
    """Return the config of `gate_set_job`, whose field `key` accepts only the known gates."""
    return _with_choice(GateSetConfig, "key", choice("Gate", gates.KEYS), "The gate.")


@cache
def worker_seek_config(mount: Mount) -> type[ActionConfig]:
    """Return the config of `worker_seek_job`, whose field `worker` accepts only the workers of the mount."""
    return _with_choice(WorkerSeekConfig, "worker", choice("Worker", mount.workers), "The worker.")


def _with_choice(base: type[ActionConfig], name: str, values: Any, description: str) -> type[ActionConfig]:
    fields: dict[str, Any] = {name: (values, Field(description=description))}
    made: type[ActionConfig] = create_model(f"Mounted{base.__name__}", __base__=base, **fields)
    return made


@dataclass(frozen=True)
class Signature:
    """Who acts in which run. `root` is the first run of a series of retries, and else the run itself."""

    actor: str
    run_id: str
    root: str

    def signed(self, reason: str) -> str:
        """Return the reason as it is recorded, with the actor and the run."""
        retried = "" if self.root == self.run_id else f", retry of {self.root}"
        return f"{reason} (by {self.actor}, run {self.run_id}{retried})"

    def is_in(self, recorded: str | None) -> bool:
        """Return whether a recorded reason is of this run or of the series to which it belongs."""
        return (recorded or "").endswith((f"run {self.root})", f"retry of {self.root})"))


@dataclass(frozen=True)
class Outcome:
    """What an action did. `note` is set if it changed nothing, and says why.

    `effect` is set if the change has no effect yet, and says why.
    """

    status: str
    subject: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    recorded: str | None
    note: str = ""
    effect: str = ""


Act = Callable[[Gateway, Mapping[str, Any], Signature], Outcome]


def definitions(mount: Mount) -> dg.Definitions:
    """Return the jobs of the actions that the mount allows, by default none."""
    return dg.Definitions(jobs=[_job(mount, action) for action in _JOBS if action in mount.actions])


def _job(mount: Mount, action: Action) -> dg.JobDefinition:
    config_class, act, description = _JOBS[action]
    op_name = mount.named(action)
    config = config_class(mount)
    schema: Any = config.to_config_schema()

    @dg.op(
        name=op_name,
        config_schema=schema,
        required_resource_keys=mount.requires,
        description=description,
    )
    def perform(context: dg.OpExecutionContext) -> None:
        run = context.run
        signature = Signature(context.op_config["actor"], run.run_id, run.root_run_id or run.run_id)
        with one_clear_line(), mount.open(context.resources) as gateway:
            outcome = act(gateway, context.op_config, signature)
        _report(context, outcome)

    @dg.job(
        name=mount.named(f"{action}_job"),
        config=validated(config, op_name),
        description=f"{description} The reason, the actor and the run are recorded.",
        executor_def=mount.executor,
    )
    def action_job() -> None:
        perform()

    return action_job


def _report(context: dg.OpExecutionContext, outcome: Outcome) -> None:
    """Log the outcome and add it to the metadata: before, after, and what the database has recorded."""
    if outcome.note:
        context.log.warning("%s: %s; nothing was changed", outcome.subject, outcome.note)
    else:
        changes = ", ".join(
            f"{name} from {value} to {outcome.after.get(name)}" for name, value in outcome.before.items()
        )
        context.log.info(
            "%s: %s: %s; recorded: %s", outcome.subject, outcome.status, changes, outcome.recorded
        )
    if outcome.effect:
        context.log.warning("%s: %s", outcome.subject, outcome.effect)
    rows = [[name, value, outcome.after.get(name)] for name, value in outcome.before.items()]
    context.add_output_metadata(
        {
            "status": outcome.status,
            "subject": outcome.subject,
            "recorded": outcome.recorded or "nothing",
            **({"note": outcome.effect} if outcome.effect else {}),
            "change": table(["", "before", "after"], rows),
        }
    )


class _ActedBeforeError(Exception):
    """Rolls back the transaction of an action that another run of the series has carried out."""


def _once(
    gateway: Gateway, recorded: Callable[[Queries], list[str]], act: Callable[[Queries], _Result]
) -> _Result | None:
    """Act in a transaction, or return None if a run of the series has acted before.

    `recorded` returns what the series has recorded. It is called again after the action, which holds a lock:
    if two runs of a series act at the same time, the second sees the record of the first and is rolled back.
    """
    try:
        with gateway.transaction() as session:
            if recorded(session):
                return None
            result = act(session)
            if len(recorded(session)) > 1:
                raise _ActedBeforeError
            return result
    except _ActedBeforeError:
        return None


def set_gate(gateway: Gateway, config: Mapping[str, Any], signature: Signature) -> Outcome:
    """Set a gate, once for a run and its retries."""
    key, reason = config["key"], signature.signed(config["reason"])

    def recorded(session: Queries) -> list[str]:
        changes = gates.history(session, key, _SEARCHED)
        return [str(change.reason) for change in changes if signature.is_in(change.reason)]

    before = _value(gateway, key)
    done = _once(gateway, recorded, lambda session: gates.set_gate(session, key, config["value"], reason))
    if done is None:
        now = {"value": _value(gateway, key)}
        return _repeated(f"gate {key}", now, recorded(gateway)[-1])
    was, now = {"value": done.get("old_value", before)}, {"value": done["value"]}
    return Outcome("set", f"gate {key}", was, now, reason, effect=done.get("note") or "")


def _value(gateway: Queries, key: str) -> str | None:
    return next(gate.value for gate in gates.list_gates(gateway) if gate.key == key)


def seek_worker(gateway: Gateway, config: Mapping[str, Any], signature: Signature) -> Outcome:
    """Seek a worker, once for a run and its retries. Wait up to 10 seconds for a run that holds the cursor.

    Raises:
        IuError: the cursor was held all the time.
        CursorPositionUnknown: there is no such position.
    """
    name, reason = config["worker"], signature.signed(config["reason"])

    def recorded(session: Queries) -> list[str]:
        seeks = worker.seeks(session, name, _SEARCHED)
        return [seek.reason for seek in seeks if signature.is_in(seek.reason)]

    def sought() -> dict[str, Any] | None:
        return _once(
            gateway, recorded, lambda session: worker.seek(session, name, config["position"], reason)
        )

    before, until = _position(gateway, name), time.monotonic() + _BUSY_SECONDS
    done = sought()
    while done and done["status"] == "worker_busy":
        if time.monotonic() >= until:
            raise IuError(
                f"worker_busy: another transaction holds the cursor of worker {name}; nothing was changed",
                hint="Launch the job again when the run of the worker has ended.",
            )
        time.sleep(_POLL_SECONDS)
        done = sought()
    after = _position(gateway, name)
    if done is None:
        return _repeated(f"worker {name}", after, recorded(gateway)[-1])
    return Outcome(
        "sought", f"worker {name}", {**before, "cursor_event_id": done["from_event_id"]}, after, reason
    )


def _position(gateway: Queries, worker_name: str) -> dict[str, object]:
    report = health.read(gateway, worker_name)
    return {
        "cursor_event_id": report.cursor_event_id,
        "cursor_created_at": report.cursor_created_at,
        "backlog": health.at_least(report.backlog, capped=report.backlog_capped),
    }


def discard_letter(gateway: Gateway, config: Mapping[str, Any], signature: Signature) -> Outcome:
    """Discard a dead letter. A letter that is closed already stays as it is.

    Raises:
        UnknownDeadLetter: there is no such letter.
    """
    letter_id, reason = UUID(config["dead_letter_id"]), signature.signed(config["reason"])
    subject, before = f"dead letter {letter_id}", _state(dead_letters.letter(gateway, letter_id))
    done = dead_letters.discard(gateway, letter_id, reason)
    letter = dead_letters.letter(gateway, letter_id)
    if done["status"] == "discarded":
        return Outcome("discarded", subject, before, _state(letter), reason)
    if signature.is_in(letter.resolution_reason):
        return _repeated(subject, _state(letter), str(letter.resolution_reason))
    why = letter.resolution_reason or "no reason"
    note = f"it was already {letter.resolution} by {letter.resolved_by}: {why}"
    return Outcome("already_resolved", subject, before, _state(letter), letter.resolution_reason, note)


def _state(letter: DeadLetter) -> dict[str, object]:
    return {
        "state": letter.resolution or "open",
        "resolved_by": letter.resolved_by,
        "resolved_at": letter.resolved_at,
        "attempts": letter.attempts,
    }


def _repeated(subject: str, now: Mapping[str, object], recorded: str) -> Outcome:
    """Return the outcome of a run whose series has acted before."""
    return Outcome(
        "already_done", subject, now, now, recorded, f"a run of this series has done it: {recorded}"
    )


_JOBS: Final[Mapping[Action, tuple[Callable[[Mount], type[ActionConfig]], Act, str]]] = {
    "gate_set": (lambda _mount: gate_set_config(), set_gate, "Set a gate."),
    "worker_seek": (
        worker_seek_config,
        seek_worker,
        "Move the cursor of a worker. Existing attempts are not repeated.",
    ),
    "dead_letter_discard": (
        lambda _mount: DeadLetterDiscardConfig,
        discard_letter,
        "Close a dead letter without a replay.",
    ),
}
