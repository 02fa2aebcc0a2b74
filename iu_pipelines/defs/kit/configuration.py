"""Configuration of one outbox in a code location: names, workers, schedules, thresholds, notifications."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import dagster as dg
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ImportString,
    ModelWrapValidatorHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit.event_jobs import EventJob
from iu_pipelines.defs.kit.notices import Notice
from iu_pipelines.domain.worker import DEFAULT_WORKER, NAME_PATTERN, RESERVED_PREFIXES
from iu_pipelines.errors import UsageError, redact

if TYPE_CHECKING:
    TupleOf = Sequence
    SetOf = AbstractSet
else:
    SetOf = frozenset

    class TupleOf:
        """What a type checker reads as a sequence: a list is accepted, and Pydantic keeps a tuple."""

        def __class_getitem__(cls, item: Any) -> Any:
            return tuple[item, ...]


def _unique(names: Sequence[str]) -> Sequence[str]:
    if len(set(names)) < len(names):
        raise ValueError("A name occurs twice")
    return names


def _distinct(names: Sequence[str]) -> Sequence[str]:
    """Return `names` if their names in Dagster differ too: there, `.` and `-` are written as `_`."""
    _unique([name.replace(".", "_").replace("-", "_") for name in names])
    return names


def _require_one_each(what: str, names: Sequence[str]) -> None:
    """Raise ValueError if two of `names` are one name in Dagster; `what` is what two of them would be."""
    seen: dict[str, str] = {}
    for name in names:
        key = name.replace(".", "_").replace("-", "_")
        other = seen.get(key)
        if other is not None:
            raise ValueError(f"Two {what} {name}" if other == name else f"Two {what} {other} or {name}")
        seen[key] = name


def _unreserved(name: str) -> str:
    if name.startswith(RESERVED_PREFIXES):
        raise ValueError(f"Names that begin with {' or '.join(RESERVED_PREFIXES)} belong to live delivery")
    return name


def _cron(text: str) -> str:
    try:
        dg.ScheduleDefinition(name="cron", job_name="cron", cron_schedule=text)
    except dg.DagsterInvalidDefinitionError:
        raise ValueError(
            "Not a cron expression: give five fields (minute, hour, day, month, weekday)"
        ) from None
    return text


def _value(context: dg.ResolutionContext, value: Any) -> Any:
    return context.resolve_value(value)


_NAMES: Final = dg.Resolver(_value, model_field_type=list[str])
"""Reads names from YAML, because Dagster itself resolves neither a tuple nor a set."""

_PATH: Final = dg.Resolver(_value, model_field_type=Any)
"""Reads a dotted path such as `my_project.alerts.send` from YAML.

The model of the YAML file has the validators of the field, so Pydantic imports the object there."""

_PATHS: Final = dg.Resolver(_value, model_field_type=list[Any])
"""Reads several dotted paths from YAML."""

_IMPORT: Final[TypeAdapter[Any]] = TypeAdapter(ImportString)
_EXECUTORS: Final = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}


Action = Literal["gate_set", "worker_seek", "dead_letter_discard"]
WorkerName = Annotated[str, StringConstraints(pattern=rf"^{NAME_PATTERN}$"), AfterValidator(_unreserved)]
TargetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_][a-z0-9_.-]{0,99}$")]
Cron = Annotated[str, AfterValidator(_cron)]
Names = Annotated[TupleOf[str], AfterValidator(_unique), _NAMES]


class Mount(dg.Resolvable, dg.Model):
    """The configuration of one outbox in a code location.

    Raises UsageError with the field, the value and a hint if a value is invalid.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: str = Field(
        default="",
        pattern=r"^([a-z][a-z0-9_]{0,40})?$",
        description="Prefix of every asset key, job, schedule and sensor: up to 41 lowercase letters, digits "
        "and _, a letter first. A single outbox needs none.",
    )
    database_url_variable: str = Field(
        default="",
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$",
        description="The environment variable with the postgresql:// URL of this outbox. It is read at run "
        "time; by default IU_DATABASE_URL.",
    )
    workers: Annotated[TupleOf[WorkerName], AfterValidator(_unique), _NAMES] = Field(
        default=(DEFAULT_WORKER,),
        min_length=1,
        description="The workers, each named once. A name has 1 to 100 letters, digits and the characters "
        "_ . : - in any order.",
    )
    targets: Annotated[TupleOf[TargetName], AfterValidator(_distinct), _NAMES] = Field(
        default=(),
        description="The targets of live delivery, each named once: 1 to 100 lowercase letters, digits and "
        "the characters _ . - in any order. Each has assets of its own. Without any, one asset is for all "
        "targets that are granted to the login that delivers.",
    )
    event_jobs: Annotated[TupleOf[Any], _PATHS] = Field(
        default=(),
        description="The jobs whose runs handle the events of a target of kind dagster_job or dagster_asset, "
        "as event_job and event_asset_job make them; in YAML their paths, such as my_project.events.reindex.",
    )
    sender_database_url_variable: str = Field(
        default="",
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$",
        description="The environment variable with the postgresql:// URL of the login that delivers, a "
        "member of iu_sender. It is read at run time; by default IU_SENDER_DATABASE_URL for an outbox "
        "without database_url_variable, and otherwise the URL of the outbox.",
    )
    senders_per_target: int = Field(
        default=1,
        ge=1,
        le=64,
        description="How many runs delivery_sensor requests for one target, 1 to 64. Each is a sender, and "
        "they share the 64 shards of the target. All but the first are requested only if something has been "
        "due, or not queued, for longer than backlog_age_seconds.",
    )
    key_prefix: Annotated[TupleOf[str], _NAMES] = Field(
        default=(), description="Prefix of every asset key, in parts; by default the name of the outbox."
    )
    group_name: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_]*$",
        description="The asset group: letters, digits and _; by default the name of the outbox, or iu_core.",
    )
    owners: Names = Field(
        default=(),
        description="The owners of every asset, schedule and sensor: e-mail addresses or team:NAME.",
    )
    kinds: Names = Field(default=("postgres", "sql"), description="The kinds of every asset, at most three.")
    executor: Annotated[Any, _PATH] = Field(
        default=dg.in_process_executor,
        description="The executor of the jobs: in_process, multiprocess, or the path of an "
        "ExecutorDefinition. Each job is one or a few short steps, so in_process is the cheapest.",
    )
    backlog_threshold: int = Field(
        default=1000, ge=1, description="backlog_sensor runs a worker if this many events wait."
    )
    backlog_age_seconds: float = Field(
        default=10.0, gt=0, description="backlog_sensor runs a worker if an event has waited this long."
    )
    sensor_interval_seconds: int = Field(
        default=5, ge=5, description="The minimum time between two evaluations of a sensor, in seconds."
    )
    route_worker_cron: Cron = Field(default="*/5 * * * *", description="When the workers run.")
    health_audit_cron: Cron = Field(default="*/15 * * * *", description="When the health report is made.")
    prune_cron: Cron = Field(default="17 3 * * *", description="When Dagster's history is pruned.")
    retention_cron: Cron = Field(default="47 3 * * *", description="When old events are dropped.")
    evidence_cron: Cron | None = Field(
        default=None,
        description="When evidence is due, by an automation condition; by default nothing requests it.",
    )
    replay_attempts: int = Field(
        default=10,
        ge=1,
        description="dead_letter_replay_sensor replays a letter until it has this many attempts. A letter "
        "that is then still open has given up: it is reported once.",
    )
    notify: Annotated[Callable[[Notice], None] | None, _PATH] = Field(
        default=None,
        description="A function that is called with a Notice of each failed run, failed check, unhealthy "
        "worker and dead letter that gave up; in YAML its path, such as my_project.alerts.send. Each Notice "
        "is also posted to IU_NOTIFY_URL, if that is set.",
    )
    red_fails_run: bool = Field(
        default=False,
        description="Whether a run fails if a check of severity error fails in it, a health report is "
        "unhealthy, or a line of the evidence fails.",
    )
    actions: Annotated[SetOf[Action], _NAMES] = Field(
        default=frozenset(),
        description="The actions that have a job: gate_set, worker_seek and dead_letter_discard; "
        "by default none. Each user who may launch a run may then act.",
    )
    running: Annotated[SetOf[str] | None, _NAMES] = Field(
        default=None,
        description="The schedules and sensors that start switched on; by default those that invoke no "
        "worker and delete nothing.",
    )

    @field_validator("executor", "notify", mode="before")
    @classmethod
    def _imported(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return _EXECUTORS[value] if value in _EXECUTORS else _IMPORT.validate_python(value)

    @field_validator("event_jobs", mode="before")
    @classmethod
    def _all_imported(cls, value: Any) -> Any:
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ValueError("Not a list of jobs")
        return tuple(_IMPORT.validate_python(one) if isinstance(one, str) else one for one in value)

    @field_validator("event_jobs")
    @classmethod
    def _event_jobs_only(cls, value: Sequence[Any]) -> Sequence[Any]:
        for one in value:
            if not isinstance(one, EventJob):
                raise ValueError("Not a job of events: declare it with event_job or event_asset_job")
        _require_one_each("jobs of events are for the target", [one.target for one in value])
        _require_one_each("jobs of events have the name", [one.name for one in value])
        return value

    @field_validator("executor")
    @classmethod
    def _executor_only(cls, value: Any) -> Any:
        if not isinstance(value, dg.ExecutorDefinition):
            raise ValueError("Not an executor: give in_process, multiprocess or a path of one")
        return value

    @model_validator(mode="after")
    def _targets_once(self) -> Mount:
        both = [*self.targets, *(job.target for job in self.event_jobs)]
        _require_one_each("places, targets and event_jobs, have the target", both)
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _refuse(cls, values: Any, handler: ModelWrapValidatorHandler[Mount]) -> Mount:
        try:
            return handler(values)
        except ValidationError as error:
            raise _refusal(cls, error) from None

    @property
    def resource_key(self) -> str:
        """The key of the resource that opens this outbox."""
        return self.named("gateway")

    @property
    def group(self) -> str:
        """The asset group."""
        return self.group_name or self.name or "iu_core"

    @property
    def sender_key(self) -> str:
        """The key of the resource with the URL of the login that delivers."""
        return self.named("sender")

    @property
    def requires(self) -> set[str]:
        """The resources that every definition of this outbox needs."""
        return {self.resource_key}

    def named(self, name: str) -> str:
        """Return the name of a job, schedule, sensor or resource of this outbox."""
        return f"{self.name}_{name}" if self.name else name

    def key(self, asset: str) -> dg.AssetKey:
        """Return the key of an asset of this outbox. `asset` is one part of the key, or several with `/`."""
        prefix = self.key_prefix or ((self.name,) if self.name else ())
        return dg.AssetKey([*prefix, *asset.split("/")])

    def tag(self, value: str) -> str:
        """Return a value for a run tag that differs from that of every other outbox."""
        return f"{self.name}/{value}" if self.name else value

    def open(self, resources: object) -> AbstractContextManager[Gateway]:
        """Open this outbox from the resources of a context. The first call to the gateway connects."""
        connection: AbstractContextManager[Gateway] = getattr(resources, self.resource_key).open()
        return connection

    def sender_url(self, resources: object) -> str:
        """Return the URL of the login that delivers, from the resources of a context. Raises UsageError."""
        return str(getattr(resources, self.sender_key).url())

    def schedule_status(self, name: str, *, only_reads: bool = False) -> dg.DefaultScheduleStatus:
        """Return whether the schedule `name` starts switched on: by default, only if it `only_reads`."""
        is_on = self._starts(name, only_reads)
        return dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED

    def sensor_status(self, name: str, *, only_reads: bool = False) -> dg.DefaultSensorStatus:
        """Return whether the sensor `name` starts switched on: by default, only if it `only_reads`."""
        is_on = self._starts(name, only_reads)
        return dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED

    def _starts(self, name: str, only_reads: bool) -> bool:
        return only_reads if self.running is None else name in self.running

    def require_running(self, built: set[str]) -> None:
        """Raise UsageError if a name in `running` is not, with its prefix, one of the names in `built`."""
        unknown = sorted(name for name in self.running or () if self.named(name) not in built)
        if unknown:
            known = sorted(name.removeprefix(self.named("")) for name in built)
            raise _refused(f"running = {unknown[0]!r} is refused", f"Choose from: {', '.join(known)}.")


def require_mount(value: object) -> None:
    """Raise UsageError unless `value` is a Mount or None."""
    if not isinstance(value, Mount | None):
        shown = redact(repr(value))
        raise _refused(f"mount = {shown} is refused", 'Pass a Mount: build_defs(Mount(name="orders")).')


def _refusal(mount: type[Mount], error: ValidationError) -> UsageError:
    """Return a UsageError for the first fault of `error`, with the field, the value and a hint."""
    detail = error.errors(include_url=False)[0]
    field = str(detail["loc"][0]) if detail["loc"] else "a mount"
    known = mount.model_fields.get(field)
    give = known.description if known else f"The fields are: {', '.join(mount.model_fields)}."
    reason = detail["msg"].removeprefix("Value error, ")
    value = redact(repr(detail["input"]))
    return _refused(f"{field} = {value} is refused", f"{reason}. {give}")


def _refused(message: str, hint: str) -> UsageError:
    """Return a UsageError whose hint is a note too: Dagster prints an exception with its notes only."""
    error = UsageError(message, hint=hint)
    error.add_note(hint)
    return error
