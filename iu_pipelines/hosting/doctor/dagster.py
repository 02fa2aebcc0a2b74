"""Checks of Dagster: its version, directory, configuration, storage and daemon. Nothing is written.

Dagster itself would create what is missing when it opens an instance, so it is not imported: `dagster.yaml`
and the tables of its storage are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain.doctor.findings import Verdict
from iu_pipelines.errors import ConnectionFailed, redact
from iu_pipelines.hosting import instance_file
from iu_pipelines.hosting.doctor.machine import DAGSTER, Machine
from iu_pipelines.hosting.doctor.packages import is_accepted, requirements
from iu_pipelines.hosting.instance_configuration import ONE_RUN_EACH, STORAGE_VARIABLE, beside
from iu_pipelines.settings import child_environment

_SQL: Final = Statements(__name__)
_PAGE: Final = "docs/operate/dagster.md"
_SAME_VERSION: Final = ("dagster", "dagster-webserver", "dagster-graphql")
_LATE_SECONDS: Final = 300.0
_UNDEFINED_DATABASE: Final = "3D000"


@DAGSTER("dagster.version")
def version(_: Machine) -> Verdict:
    """Compare the versions of Dagster's packages with the range, and with each other."""
    found = {one.name: one for one in requirements() if one.extra == "dagster" and one.installed}
    said = ", ".join(f"{name} {one.installed}" for name, one in found.items())
    outside = [one for one in found.values() if not is_accepted(one.installed or "", one.range)]
    if outside:
        hint = f"Install a supported one: pip install '{outside[0].name}{outside[0].range}'"
        return Verdict("problem", f"{said}: {outside[0].name} must be {outside[0].range}", hint)
    if len({found[name].installed for name in _SAME_VERSION if name in found}) > 1:
        return Verdict(
            "warning", f"{said}: of different releases", "Install the same release of each package."
        )
    return Verdict("ok", said)


@DAGSTER("dagster.directory")
def directory(machine: Machine) -> Verdict:
    """Look at the directory of the instance, its dagster.yaml, and whether commands of Dagster use it too."""
    place = machine.settings.dagster_directory
    file = instance_file.read(machine.settings)
    other = child_environment().get("DAGSTER_HOME")
    if other and other != str(place):
        return Verdict(
            "warning",
            f"iu dev uses {place}, but DAGSTER_HOME is {other}: commands of Dagster show other runs",
            "Set IU_DAGSTER_HOME to the same directory, or unset DAGSTER_HOME.",
        )
    if file is None:
        return Verdict("ok", f"no {file_name(machine)}: iu dev writes it at its first start")
    return Verdict("ok", f"{file.path}, {'written by iu' if file.is_own else 'a file of yours'}")


def file_name(machine: Machine) -> str:
    """Return the path of dagster.yaml."""
    return str(machine.settings.dagster_directory / "dagster.yaml")


@DAGSTER("dagster.limits")
def limits(machine: Machine) -> Verdict | None:
    """Look for the limits that keep two runs of one worker from starting at the same time."""
    file = instance_file.read(machine.settings)
    if file is None:
        return None
    missing = [key for key in ONE_RUN_EACH if key not in _limited(file.content)]
    if not missing:
        return Verdict("ok", f"one run at a time for each value of {', '.join(ONE_RUN_EACH)}")
    return Verdict(
        "warning",
        f"no limit of one run for each value of the tags {', '.join(missing)}: a second run of a worker "
        "starts, and ends with worker_busy",
        f"Add them to concurrency.runs.tag_concurrency_limits of {file.path} ({_PAGE}).",
    )


def _limited(content: Mapping[str, Any]) -> set[str]:
    """Return the tags that have a limit of one run for each value, in the present or the former syntax."""
    places = (
        ("concurrency", "runs", "tag_concurrency_limits"),
        ("run_queue", "tag_concurrency_limits"),
        ("run_coordinator", "config", "tag_concurrency_limits"),
    )
    found = [limit for place in places for limit in instance_file.at(content, *place) or ()]
    return {
        str(instance_file.at(limit, "key"))
        for limit in found
        if instance_file.at(limit, "value", "applyLimitPerUniqueValue")
        and instance_file.at(limit, "limit") == 1
    }


@DAGSTER("dagster.storage")
def storage(machine: Machine) -> Verdict | None:
    """Find out where Dagster keeps its runs, and whether that database answers."""
    file = instance_file.read(machine.settings)
    if file is None:
        return None
    url = _storage_url(machine, file.content)
    if url is None:
        kinds = ", ".join(sorted(file.content.get("storage") or {})) or "another one"
        said = f"storage: {kinds}; it was not opened"
        if kinds != "sqlite":
            return Verdict("note", said)
        return Verdict("warning", said, f"SQLite is for one process at a time: use PostgreSQL ({_PAGE}).")
    try:
        with Gateway(url, application_name="iu doctor") as gateway:
            tables = gateway.fetch_value(_SQL["has_tables"])
    except ConnectionFailed as error:
        if error.code == _UNDEFINED_DATABASE:
            return Verdict(
                "note", error.message, "iu dev creates it, if the login may (docs/operate/roles.md)."
            )
        return Verdict("problem", error.message, error.hint)
    empty = "" if tables else ", which has no tables of Dagster yet"
    return Verdict("ok", f"PostgreSQL at {redact(url)}{empty}")


@DAGSTER("dagster.daemon")
def daemon(machine: Machine) -> Verdict | None:
    """Look for a recent heartbeat of the daemon, without which no schedule, sensor or queued run starts."""
    file = instance_file.read(machine.settings)
    url = _storage_url(machine, file.content) if file else None
    if url is None:
        return None
    try:
        with Gateway(url, application_name="iu doctor") as gateway:
            beats = gateway.fetch_value(_SQL["has_tables"]) and gateway.fetch_all(_SQL["heartbeats"])
    except ConnectionFailed:
        return None
    if not beats:
        return Verdict("note", "no daemon has run yet", "Start it if schedules or sensors are to run: iu dev")
    seconds = (datetime.now(UTC) - min(row["newest"].replace(tzinfo=UTC) for row in beats)).total_seconds()
    if seconds < _LATE_SECONDS:
        return Verdict("ok", f"its last heartbeat was {seconds:.0f} s ago")
    return Verdict(
        "warning",
        f"its last heartbeat was {seconds / 60:,.0f} min ago: no schedule, sensor or queued run starts",
        "Start it: iu dev, or your service; its log is in the directory of Dagster.",
    )


def _storage_url(machine: Machine, content: Mapping[str, Any]) -> str | None:
    """Return the URL of Dagster's database, or None if it is not PostgreSQL or not given as a URL."""
    url = instance_file.at(content, "storage", "postgres", "postgres_url")
    variable = instance_file.at(url, "env")
    if variable == STORAGE_VARIABLE:
        chosen = machine.settings.dagster_database_url
        own = machine.database_url
        url = chosen.get_secret_value() if chosen else beside(own) if own else None
    elif variable:
        url = child_environment().get(str(variable))
    return f"postgresql://{url.partition('://')[2]}" if isinstance(url, str) else None
