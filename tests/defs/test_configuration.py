"""A mount: several in one code location, what starts switched on, and values that are refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from traceback import format_exception_only
from typing import Any

import dagster as dg
import pytest
from pydantic import ValidationError

from defs.code_location import Location, attempts_in, emit_one, materializations, schedules_and_sensors
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.resources import GatewayResource
from iu_pipelines.defs.worker import RouteWorkerConfig
from iu_pipelines.domain import worker
from iu_pipelines.errors import ArgumentInvalid, BatchLimitInvalid, UsageError


def test_a_run_of_one_outbox_does_not_touch_another(
    database: str, second_database: str, instance: dg.DagsterInstance
) -> None:
    mounts = {"orders": database, "billing": second_database}
    merged = dg.Definitions.merge(
        *(
            build_defs(Mount(name=name), resources={f"{name}_gateway": GatewayResource(database_url=url)})
            for name, url in mounts.items()
        )
    )
    emit_one(database)
    emit_one(second_database)
    result = Location(merged, instance).run("orders_route_worker_job")
    assert materializations(result, ["orders", "iu_route_attempt"])[-1]["run_seen"] == 1
    assert (attempts_in(database), attempts_in(second_database)) == (1, 0)
    run = instance.get_run_by_id(result.run_id)
    assert run
    assert run.tags["iu/worker"] == "orders/iu_outbound_default"


def test_a_mount_takes_lists_and_sets_and_keeps_what_cannot_change() -> None:
    """A project under strict mypy, as this one is, may write them too."""
    workers, actions = ["a", "b"], {"gate_set"}
    mount = Mount(workers=workers, targets=["hook"], actions={"gate_set"}, running=actions, key_prefix=["x"])
    workers.append("c")
    actions.clear()
    same = Mount(
        workers=("a", "b"),
        targets=("hook",),
        actions=frozenset({"gate_set"}),
        running=frozenset({"gate_set"}),
        key_prefix=("x",),
    )
    assert mount == same
    assert hash(mount) == hash(same)


def test_running_chooses_what_starts_switched_on() -> None:
    definitions = build_defs(Mount(running=frozenset({"backlog_sensor"})))
    running = {
        one.name for one in schedules_and_sensors(definitions) if one.default_status.value == "RUNNING"
    }
    assert running == {"backlog_sensor"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "Big-Name"}, "name = 'Big-Name' is refused"),
        ({"workers": ()}, "workers = () is refused"),
        ({"workers": ("a", "a")}, "each named once"),
        ({"workers": ("no good",)}, "workers = 'no good' is refused"),
        ({"route_worker_cron": "often"}, "cron = 'often' is refused"),
        ({"backlog_threshold": 0}, "backlog_threshold = 0 is refused"),
        ({"backlog_age_seconds": 0}, "backlog_age_seconds = 0 is refused"),
        ({"sensor_interval_seconds": 4}, "sensor_interval_seconds = 4 is refused"),
        ({"backlog_treshold": 5}, "backlog_treshold = 5 is refused"),
        ({"running": frozenset({"everything"})}, "running = 'everything' is refused"),
    ],
)
def test_a_mount_with_an_invalid_value_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        build_defs(Mount(**options))
    hint = refused.value.hint or ""
    assert words in f"{refused.value.message} {hint}"
    assert hint in "".join(format_exception_only(refused.value)), "what Dagster prints"
    assert hint[0].isupper()
    assert hint.endswith(".")


@pytest.mark.parametrize("value", ["orders", {"name": "orders"}])
def test_what_is_no_mount_is_refused_with_the_value_and_the_call(value: Any) -> None:
    with pytest.raises(UsageError) as refused:
        build_defs(value)
    assert refused.value.message == f"mount = {value!r} is refused"
    assert 'build_defs(Mount(name="orders"))' in "".join(format_exception_only(refused.value))


@pytest.mark.parametrize("field", ["database_url_variable", "database_url"])
def test_a_password_that_is_given_by_mistake_is_not_shown(field: str) -> None:
    with pytest.raises(UsageError) as refused:
        Mount(**{field: "postgresql://a:hidden-word@b/c"})  # type: ignore[arg-type]
    assert "hidden-word" not in f"{refused.value.message} {refused.value.hint}"


def test_running_accepts_the_names_of_every_schedule_and_sensor_and_no_other() -> None:
    names = {one.name for one in schedules_and_sensors(build_defs(Mount(name="orders")))}
    bare = {name.removeprefix("orders_") for name in names}
    assert len(bare) == len(names) > 0
    build_defs(Mount(name="orders", running=frozenset(bare)))
    with pytest.raises(UsageError) as refused:
        build_defs(Mount(name="orders", running=frozenset({"everything"})))
    assert refused.value.hint == f"Choose from: {', '.join(sorted(bare))}."


def test_every_field_of_a_mount_is_described() -> None:
    assert all(field.description for field in Mount.model_fields.values())


def accepts(call: Callable[[], object]) -> bool:
    """Return whether `call` raises no error about a value."""
    try:
        call()
    except (ArgumentInvalid, BatchLimitInvalid, UsageError, ValidationError):
        return False
    return True


def test_the_pattern_of_a_worker_name_is_that_of_the_engine(gateway: Gateway) -> None:
    body = gateway.fetch_value(
        "select prosrc from pg_proc where oid = 'public.fn_iu_worker_name_require(text)'::regprocedure"
    )
    longest, pattern = re.findall(r"length\(worker_name\) > (\d+) or worker_name !~ '(.*?)'", body)[0]
    assert pattern.replace("+$", f"{{1,{longest}}}$") == f"^{worker.NAME_PATTERN}$"
    (reserved,) = re.findall(r"worker_name ~ '\^\((.*?)\):'", body)
    assert tuple(f"{word}:" for word in reserved.split("|")) == worker.RESERVED_PREFIXES


@pytest.mark.parametrize(
    "name",
    [
        *("a", "A-z.0:_", "a" * 100, "a" * 101, "", "a b", "a\n", "\na", "\u00e9", "a/b"),
        *("live:7", "live:", "replay:x", "live", "Live:7", "a.live:7", "replayed:x"),
    ],
)
def test_a_worker_name_is_accepted_where_the_engine_accepts_it(gateway: Gateway, name: str) -> None:
    engine = accepts(lambda: gateway.execute("select public.fn_iu_worker_name_require(%s)", (name,)))
    assert accepts(lambda: Mount(workers=(name,))) is engine


@pytest.mark.parametrize("limit", [0, 1, 100_000, 100_001])
def test_the_bounds_of_a_batch_are_those_of_the_engine(gateway: Gateway, limit: int) -> None:
    engine = accepts(lambda: worker.run_once(gateway, worker.DEFAULT_WORKER, limit))
    assert accepts(lambda: RouteWorkerConfig(batch_limit=limit)) is engine
