"""Declarations of jobs whose runs handle events of a target: `event_job` and `event_asset_job`."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import dagster as dg

from iu_pipelines.domain.deliveries import Claim
from iu_pipelines.domain.targets import NAME_PATTERN
from iu_pipelines.errors import UsageError

_CONTEXT: Final = "context"


@dataclass(frozen=True)
class Event:
    """One event that is delivered to a job."""

    key: str
    """The key of the delivery, the same in each try: keep it with the effect, so that it is made once."""
    event_id: UUID
    """The id of the event, a UUIDv7."""
    type: str
    """The event type."""
    time: datetime
    """When the event was emitted, with a time zone."""
    domain: str
    """The domain of the event."""
    stream: str
    """The stream of the event."""
    canonical_address: str
    """The address of the subject, such as `orders/17`."""
    subject_table: str | None
    """The table of the subject."""
    subject_ref: UUID | None
    """The UUID of the subject."""
    route_code: str
    """The route that delivers the event."""
    sequence: int
    """The place of the event: it increases within a subject, with gaps."""
    attempt_no: int
    """The number of the try, from 1."""
    replayed: bool
    """Whether this is a dead letter that was replayed."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The safe payload."""

    @classmethod
    def of(cls, claim: Claim) -> Self:
        """Return the event of a claim."""
        body = json.loads(claim.body)
        return cls(
            key=claim.delivery_key,
            event_id=claim.event_id,
            type=body["type"],
            time=datetime.fromisoformat(body["time"]),
            domain=body["domain"],
            stream=body["stream"],
            canonical_address=body["canonical_address"],
            subject_table=body["subject_table"],
            subject_ref=UUID(body["subject_ref"]) if body["subject_ref"] else None,
            route_code=claim.route_code,
            sequence=claim.subject_no,
            attempt_no=claim.attempt_no,
            replayed=body["replayed"],
            data=body["data"] or {},
        )


Handler = Callable[..., None]


@dataclass(frozen=True, repr=False)
class EventJob:
    """A job whose runs handle events of one target. Give it to `Mount.event_jobs`.

    It has either a `handler`, which is called for each event, or `assets`, which a run materializes after it
    has claimed its events. It can be called as its handler is, for example in a test.
    """

    target: str
    """The name of the target."""
    name: str
    """The name of the job in Dagster."""
    handler: Handler | None = None
    """The function that is called for each event; None with `assets`."""
    assets: tuple[dg.AssetKey, ...] = ()
    """The assets that a run materializes; none with a `handler`."""
    required_resource_keys: frozenset[str] = frozenset()
    """The resources that the handler needs."""

    def __repr__(self) -> str:
        """Return the job as errors name it."""
        return f"<job {self.name} of target {self.target}>"

    @property
    def kind(self) -> str:
        """The kind of target that it is for."""
        return "dagster_asset" if self.handler is None else "dagster_job"

    def __call__(self, *arguments: Any) -> None:
        """Call the handler."""
        if self.handler is None:
            raise TypeError(f"the job {self.name} materializes assets and has no handler")
        answer: Any = self.handler(*arguments)
        if inspect.isawaitable(answer) or inspect.isgenerator(answer) or inspect.isasyncgen(answer):
            raise TypeError(f"the function of the job {self.name} returned before it began: {type(answer)}")

    def handle(self, context: dg.OpExecutionContext, event: Event) -> None:
        """Call the handler, with the context of the run if its first parameter is named `context`."""
        self(*((context, event) if self._takes_context else (event,)))

    @property
    def _takes_context(self) -> bool:
        parameters = list(inspect.signature(self.handler).parameters) if self.handler else []
        return parameters[:1] == [_CONTEXT]


def event_job(
    *_misplaced: object,
    target: str = "",
    name: str | None = None,
    required_resource_keys: Collection[str] = (),
) -> Callable[[Handler], EventJob]:
    """Declare a function as the job of a target of kind `dagster_job`: it is called for each event.

    Write `@event_job(target="receipts")` above it. It takes an `Event`, or `context` and an `Event`. When it
    returns, the event is sent. When it raises, the event is tried again by the policy of the target;
    `dagster.RetryRequested` says after how many seconds, and `dagster.Failure` with `allow_retries=False`
    makes it a dead letter at once. The job is named after the function unless `name` is given.

    Raises:
        UsageError: `target` is missing or no name of a target, `name` is none of a job, or the function has
            other parameters or is a coroutine or a generator.
    """
    if _misplaced or not target:
        raise UsageError(
            f"event_job without the name of a target: target = {target!r}",
            hint='Write @event_job(target="NAME") above the function.',
        )

    def declared(handler: Handler) -> EventJob:
        _check_parameters(handler)
        chosen = str(name or getattr(handler, "__name__", "event_job"))
        resources = frozenset(required_resource_keys)
        return EventJob(_checked(target), _checked_name(chosen), handler, (), resources)

    return declared


def event_asset_job(
    *, target: str, assets: Iterable[dg.AssetsDefinition | dg.AssetKey | str], name: str | None = None
) -> EventJob:
    """Declare assets as those of a target of kind `dagster_asset`: each run materializes all of them.

    Each of the assets must be downstream of `target_key(target)`. It reads the events of its run from the
    resource `events`: `events.read(context)`. When all of them are materialized, the events are sent. When
    one fails, the events are tried again by the policy of the target.

    Raises:
        UsageError: `target` is no name of a target, or no asset is given.
    """
    keys = tuple(dict.fromkeys(key for one in assets for key in _keys(one)))
    if not keys:
        raise UsageError(
            f"event_asset_job of target {target!r} has no asset",
            hint="Give the assets that a run materializes.",
        )
    chosen = name or f"{_checked(target).replace('.', '_').replace('-', '_')}_event_job"
    return EventJob(target, _checked_name(chosen), None, keys)


def _keys(one: dg.AssetsDefinition | dg.AssetKey | str) -> Iterable[dg.AssetKey]:
    if isinstance(one, dg.AssetsDefinition):
        return one.keys
    return [one if isinstance(one, dg.AssetKey) else dg.AssetKey.from_user_string(one)]


def _checked(target: str) -> str:
    if not re.fullmatch(NAME_PATTERN, target):
        raise UsageError(
            f"target = {target!r} is refused",
            hint="A target has 1 to 100 lowercase letters, digits and the characters _ . - in its name.",
        )
    return target


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise UsageError(
            f"name = {name!r} is refused",
            hint="A job has letters, digits and _ in its name. Give it one with name=NAME.",
        )
    return name


def _check_parameters(handler: Handler) -> None:
    parameters = inspect.signature(handler).parameters.values()
    names = [one.name for one in parameters]
    by_position = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    shown = f"the function {getattr(handler, '__name__', handler)!r}"
    if len(names) != 1 + (names[:1] == [_CONTEXT]) or not {one.kind for one in parameters} <= by_position:
        raise UsageError(
            f"{shown} has the parameters ({', '.join(map(str, parameters))})",
            hint="Write it as (event) or (context, event).",
        )
    for is_other in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
        if is_other(handler):
            raise UsageError(
                f"{shown} is a coroutine or a generator",
                hint="Write a plain function that has handled the event when it returns.",
            )
