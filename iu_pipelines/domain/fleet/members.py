"""The file of a fleet: its outboxes, each with the variable of its URL and the fields of its mount.

The layers above read the fields of a mount; here they are only put together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from iu_pipelines.errors import UsageError
from iu_pipelines.invalid_values import explain, explain_yaml
from iu_pipelines.settings import database_url_in

MAX_BYTES: Final = 1024 * 1024

_VARIABLE: Final = "database_url_variable"
_PATTERNS: Final = (_VARIABLE, "sender_database_url_variable")
_VARIABLE_NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)?", re.ASCII)
_VARIABLE_HINT: Final = "Give the name of the variable that has the URL, such as {NAME}_DATABASE_URL."
_DEFAULT_PATTERN: Final = "{NAME}_DATABASE_URL"

MOUNT_FIELDS: Final = (
    "name", "database_url_variable", "workers", "targets", "event_jobs", "sender_database_url_variable",
    "senders_per_target", "key_prefix", "group_name", "owners", "kinds", "executor", "backlog_threshold",
    "backlog_age_seconds", "sensor_interval_seconds", "route_worker_cron", "health_audit_cron", "prune_cron",
    "retention_cron", "evidence_cron", "replay_attempts", "notify", "red_fails_run", "actions", "running",
)  # fmt: skip
"""The fields of a mount. The layer of Dagster, which this one does not know, has the same."""

MOUNT_LISTS: Final = frozenset(
    {"workers", "targets", "event_jobs", "key_prefix", "owners", "kinds", "actions", "running"}
)
"""Those whose value is a list."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Member:
    """One outbox of a fleet. `fields` are the other fields of its mount, with the defaults of the fleet."""

    name: str
    database_url_variable: str
    fields: Fields

    def url(self) -> str:
        """Return the URL of its database.

        Raises:
            UsageError: the variable is not set.
        """
        return url_in(self.database_url_variable)


class FleetFile(BaseModel):
    """What a file of a fleet may contain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(
        default="fleet",
        description="Prefix of the fleet's own sensors, jobs and assets: up to 41 lowercase letters, digits "
        "and _, a letter first.",
    )
    seconds: float = Field(
        default=5.0, ge=2, le=15, description="How long a database may take to answer, 2 to 15 seconds."
    )
    at_once: int = Field(
        default=32, ge=1, le=200, description="Databases that are asked at the same time, 1 to 200."
    )
    fleet_cron: str = Field(default="*/5 * * * *", description="When the status of the fleet is recorded.")
    fleet_running: tuple[str, ...] | None = Field(
        default=None,
        description="The schedules and sensors of the fleet that start switched on; by default those that "
        "invoke no worker and delete nothing.",
    )
    defaults: dict[str, Any] = Field(
        default_factory=dict,
        description="Fields of a mount, for each outbox that does not set them. In the two variables, "
        "{name} is the name of the outbox, and {NAME} is the same in capital letters.",
    )
    outboxes: tuple[Name | dict[str, Any], ...] = Field(
        min_length=1, description="The outboxes: names, or mappings of `name` and other fields of a mount."
    )

    def members(self) -> tuple[Member, ...]:
        """Return the outboxes.

        Raises:
            UsageError: a name is missing or invalid, a field is none of a mount, or two outboxes have the
                same name or variable.
        """
        _check_fields("defaults", self.defaults)
        members = tuple(_member(given, self.defaults) for given in self.outboxes)
        _require_distinct(self.name, members)
        return members


def read(path: Path) -> FleetFile:
    """Read the file of a fleet.

    Raises:
        UsageError: the file cannot be read, or is not one of a fleet.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UsageError(f"{path} has more than {MAX_BYTES:,} bytes", hint="Split the fleet in two.")
        values = yaml.safe_load(content)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UsageError(
            f"the file of the fleet {path} cannot be read: {reason}",
            hint="Name it with --file or IU_FLEET_FILE (docs/operate/fleet.md).",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML: {explain_yaml(error)}", hint=_HINT) from None
    return parse(values, str(path))


def parse(values: object, name: str = "the fleet") -> FleetFile:
    """Return the fleet of values that were read from YAML. `name` is that of the file, for errors.

    Raises:
        UsageError: they are not those of a fleet.
    """
    if isinstance(values, Mapping):
        _check_keys(name, values, tuple(FleetFile.model_fields))
    try:
        found = FleetFile.model_validate(values)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in detail["loc"][:2]) or "it"
        raise UsageError(
            f"{name}: {place} = {_shown(detail['input'])} {explain(detail)}", hint=_hint(detail["loc"])
        ) from None
    found.members()
    return found


def url_in(variable: str) -> str:
    """Return the URL in a variable. Raises UsageError if it is not set; the value is never in an error."""
    value = database_url_in(variable)
    if value is None:
        raise UsageError(
            f"{variable} is not set", hint=f"Set {variable} to the postgresql:// URL of this outbox."
        )
    return value.get_secret_value()


_HINT: Final = "Write `outboxes:` with a list of names (docs/operate/fleet.md)."


def _hint(place: Sequence[Any]) -> str:
    known = FleetFile.model_fields.get(str(place[0])) if place else None
    return str(known.description) if known else f"The keys are: {', '.join(FleetFile.model_fields)}."


def _shown(value: object) -> str:
    """Return a value for an error; what looks like a URL may have a password and is left out."""
    text = repr(value)
    return "'…'" if "://" in text else text[:100]


def _check_keys(place: str, values: Mapping[Any, Any], known: Sequence[str]) -> None:
    for key in values:
        if key not in known:
            close = get_close_matches(str(key), known, 1)
            raise UsageError(
                f"{place}: the key {_shown(key)} is not known",
                hint=f"Did you mean {close[0]}?" if close else f"The keys are: {', '.join(known)}.",
            )


def _check_fields(place: str, fields: Fields) -> None:
    """Check what can be checked of a mount without Dagster: the names of its fields, and lists."""
    _check_keys(place, fields, MOUNT_FIELDS)
    for key in MOUNT_LISTS & fields.keys():
        value = fields[key]
        if not (isinstance(value, list | tuple | set | frozenset) or (key == "running" and value is None)):
            raise UsageError(
                f"{place}: {key} = {_shown(value)} is not a list", hint=f"Write it as a list: {key}: [NAME]."
            )


def _member(given: str | Mapping[str, Any], defaults: Fields) -> Member:
    own = {"name": given} if isinstance(given, str) else dict(given)
    name = own.pop("name", None)
    if "name" in defaults:
        raise UsageError("defaults.name is refused", hint="Each outbox has a name of its own.")
    if not isinstance(name, str) or not name:
        raise UsageError(f"an outbox has no name: {_shown(own)}", hint=_HINT)
    _check_fields(f"outbox {name}", own)
    fields = {_VARIABLE: _DEFAULT_PATTERN, **defaults, **own}
    fields |= {key: _named(fields[key], name) for key in _PATTERNS if isinstance(fields.get(key), str)}
    for key in _PATTERNS:
        if not _VARIABLE_NAME.fullmatch(str(fields.get(key, ""))):
            raise UsageError(f"outbox {name}: {key} is not the name of a variable", hint=_VARIABLE_HINT)
    return Member(name, str(fields.pop(_VARIABLE)), fields)


def _named(pattern: str, name: str) -> str:
    return pattern.replace("{name}", name).replace("{NAME}", name.upper())


def _require_distinct(fleet: str, members: Sequence[Member]) -> None:
    for name in _twice(member.name for member in members):
        raise UsageError(f"two outboxes have the name {name!r}", hint="Give each outbox a different `name`.")
    for variable in _twice(member.database_url_variable for member in members):
        names = ", ".join(one.name for one in members if one.database_url_variable == variable)
        raise UsageError(
            f"outboxes {names} have the same database_url_variable {_shown(variable)}",
            hint="Each outbox of a fleet has a database of its own; a pattern has {NAME} in it.",
        )
    if any(member.name == fleet for member in members):
        raise UsageError(
            f"an outbox has the name of the fleet, {fleet!r}", hint="Give the fleet another `name`."
        )


def _twice(values: Iterator[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if times > 1]
