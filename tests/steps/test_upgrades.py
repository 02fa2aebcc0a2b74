"""A database of a release is upgraded while programs of that release use it: docs/operate/upgrade.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

import pages
from cli.running import shell
from engine.scenarios import CLEAN, judged
from engine.sessions import opened
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import files, migration, plan, verification
from iu_pipelines.domain import worker
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import StepRefused
from iu_pipelines.settings import sql_root
from proven import failed_lines
from steps.old_client import ACTOR, OldClient
from steps.test_releases import make_history

ROLES: Final = ("iu_owner", "iu_emitter", "workflow_admin", "iu_auditor", "iu_approver", "iu_sender")
CALLABLE: Final = """
select p.oid::regprocedure::text as signature, pg_get_function_result(p.oid) as result,
    pg_get_function_arguments(p.oid) as arguments
from pg_proc as p
where p.pronamespace = 'public'::regnamespace and exists (
    select from unnest(array['iu_emitter', 'workflow_admin', 'iu_auditor']) as r (name)
    where has_function_privilege(r.name, p.oid, 'execute')
)
"""
COLUMNS: Final = """
select c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) as name
from pg_class as c inner join pg_attribute as a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
    and a.attnum > 0 and not a.attisdropped
"""


@dataclass(frozen=True)
class Place:
    """The URLs of the login that installs, and of an emitter and a worker, in one database."""

    installer: str
    emitter: str
    worker: str


@pytest.fixture
def stock(empty_database: str) -> Place:
    """The server of the run, which has the settings of its distribution, and a superuser."""
    return Place(empty_database, empty_database, empty_database)


@pytest.fixture
def embedded(own_server: EmbeddedServer) -> Place:
    """The embedded server and its owner."""
    url = own_server.ensure_running()
    return Place(url, url, url)


@pytest.fixture
def least(own_server: EmbeddedServer) -> Place:
    """Logins with the rights of their roles alone; an administrator has made the roles and the database."""
    logins = {"installer": "iu_owner", "emitter": "iu_emitter", "worker": "workflow_admin"}
    with Gateway(own_server.ensure_running()) as superuser:
        for role in ROLES:
            superuser.execute(f"create role {role}")
        for login, role in logins.items():
            superuser.execute(f"create role {login} login password 'secret' in role {role}")
        superuser.execute("create database app owner installer")
    url = urlsplit(own_server.url("app"))
    host = url.netloc.rpartition("@")[2]
    return Place(*(url._replace(netloc=f"{login}:secret@{host}").geturl() for login in logins))


@pytest.fixture(params=["stock", "embedded", "least"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
@pytest.mark.parametrize("modules", [(), ("delivery",)], ids=["core", "with delivery"])
def test_an_upgrade_interrupts_no_program_of_the_release_and_loses_nothing(
    older_release: Path, place: Place, isolation: str, modules: tuple[str, ...]
) -> None:
    with Gateway(place.installer, max_size=4) as gateway:
        migration.apply(gateway, root=older_release)
        make_history(gateway)
        name = gateway.fetch_value("select current_database()")
        gateway.execute(f"alter database \"{name}\" set default_transaction_isolation = '{isolation}'")
        client = OldClient(place.emitter, place.worker, DEFAULT_WORKER)
        with client.running():
            client.wait_for_more(20)
            migration.apply(gateway, modules)
            client.wait_for_more(20)
        assert dict(client.errors) == {}
        assert {*client.statuses} == {"ran"}
        if isolation == "read committed":
            assert client.repeated == 0
        emitted = gateway.fetch_value(
            "select count(*) from public.event_outbox where actor_ref = %s", (ACTOR,)
        )
        assert emitted == client.committed
        for one in (DEFAULT_WORKER, "second"):
            list(worker.drain(gateway, one, worker.RunLimits()))
        assert failed_lines(verification.verify(gateway)) == []
    with opened(place.installer) as (session,):
        assert judged(session, DEFAULT_WORKER) == CLEAN
        assert judged(session, "second") == CLEAN


def test_every_function_and_column_of_a_release_is_still_there_for_its_programs(
    released: Path, empty_gateway: Gateway
) -> None:
    migration.apply(empty_gateway, root=released)
    before = interface(empty_gateway)
    migration.apply(empty_gateway, ["delivery"])
    assert len(before) > 100
    assert before - interface(empty_gateway) == set()


def test_a_function_that_a_release_lacks_is_noticed(released: Path, empty_gateway: Gateway) -> None:
    migration.apply(empty_gateway, root=released)
    before = interface(empty_gateway)
    empty_gateway.execute("drop function public.fn_iu_route_worker_health(text)")
    assert {name.split("(")[0] for name in before - interface(empty_gateway)} == {"fn_iu_route_worker_health"}


def interface(gateway: Gateway) -> set[str]:
    """Return the functions that the roles may call, with their parameters and results, and the columns."""
    functions = {
        f"{row['signature']} {row['arguments']} {row['result']}" for row in gateway.fetch_all(CALLABLE)
    }
    return functions | {row["name"] for row in gateway.fetch_all(COLUMNS)}


EMITTED: Final = "version_applied a --subject 00000000-0000-7000-8000-000000000001 --actor test"


def test_the_new_commands_work_on_the_old_database_or_say_that_it_must_be_migrated(
    first_release: Path, empty_database: str
) -> None:
    with Gateway(empty_database) as gateway:
        migration.apply(gateway, root=first_release)
    for command in (f"emit {EMITTED}", "run", "replay --due", "gate show", "audit"):
        done = shell(*command.split(), "--database-url", empty_database)
        assert done.returncode == 0, done.stderr
    for command in ("worker list", "metrics", "wait --timeout 0"):
        done = shell(*command.split(), "--database-url", empty_database)
        assert (done.returncode, "iu migrate" in done.stderr) == (1, True), done.stderr


def test_the_steps_of_the_release_refuse_the_database_that_was_upgraded(
    first_release: Path, gateway: Gateway
) -> None:
    unknown = "steps that this version does not know: 110_configuration"
    with pytest.raises(StepRefused, match=unknown):
        migration.apply(gateway, root=first_release)
    with pytest.raises(StepRefused, match=unknown):
        migration.rollback(gateway, "080", root=first_release)
    assert failed_lines(verification.verify(gateway, root=first_release)) != []


PAGE: Final = "docs/operate/upgrade.md"
LOCKED: Final = """
select distinct l.relation::regclass::text as name
from pg_locks as l inner join pg_class as c on c.oid = l.relation
where l.pid = pg_backend_pid() and c.relkind in ('r', 'v') and c.oid::regclass::text = any(%(names)s)
    and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""
"""The tables on which a step holds a lock that a write waits for."""


def test_the_page_names_the_tables_that_each_step_of_the_upgrade_locks(
    first_release: Path, empty_gateway: Gateway
) -> None:
    migration.apply(empty_gateway, root=first_release)
    known = empty_gateway.fetch_all("select c.oid::regclass::text as name from pg_class as c")
    found = {}
    for one in plan.planned(empty_gateway, ["delivery"]):
        with empty_gateway.transaction() as session:
            session.execute(one.step.file.text)
            locked = session.fetch_all(LOCKED, {"names": [row["name"] for row in known]})
        if locked:
            found[str(one.step.key)] = sorted(row["name"] for row in locked)
    shown = re.findall(r"^\| `([\w/-]+)` \| (`.*`) \|", pages.text(PAGE), re.MULTILINE)
    assert {step: sorted(re.findall(r"`(\w+)`", names)) for step, names in shown} == found


def test_the_upgrade_is_undone_without_the_loss_of_an_event(first_release: Path, empty_database: str) -> None:
    known = {step.name for step in files.load_steps(first_release)}
    order = [step.name for step in files.load_steps(sql_root(), [files.CORE])]
    added = [name for name in order if name not in known]
    with Gateway(empty_database) as gateway:
        migration.apply(gateway, root=first_release)
        make_history(gateway)
        migration.apply(gateway, ["delivery"])
        events = gateway.fetch_value("select count(*) from public.event_outbox")
        migration.rollback(gateway, "000", "iu-delivery")
        undone = [step.name for step in migration.rollback(gateway, order[order.index(added[0]) - 1])]
        assert {*added} <= {*undone}
        migration.apply(gateway, root=first_release)
        assert gateway.fetch_value("select count(*) from public.event_outbox") == events
        for one in (DEFAULT_WORKER, "second"):
            list(worker.drain(gateway, one, worker.RunLimits()))
        assert failed_lines(verification.verify(gateway, root=first_release)) == []
        assert {*added} <= {step.name for step in migration.apply(gateway)}
    with opened(empty_database) as (session,):
        assert judged(session, DEFAULT_WORKER) == CLEAN
