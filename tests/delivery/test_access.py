"""Each role may call what the matrix of the module gives it, and PUBLIC may call nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest

from delivery.world import DEPLOYMENT, Sender, World, make_login, url_of
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import code, files
from iu_pipelines.settings import sql_root

MODULE: Final = "iu-delivery"
ROLES: Final = ("iu_sender", "iu_approver", "iu_emitter", "workflow_admin", "iu_auditor")
CALLS: Final = {
    "enqueue": "select public.fn_iu_delivery_enqueue('shop.paid', 10)",
    "claim": "select * from public.fn_iu_delivery_claim('hook', 10, 'one')",
    "has due": "select public.fn_iu_delivery_has_due('hook')",
    "heads": "select * from public.fn_iu_delivery_heads('hook', 10)",
    "claim named": f"select * from public.fn_iu_delivery_claim_named('hook', '{{evt_{'0' * 32}_1}}', 'one')",
    "claimed": f"select * from public.fn_iu_delivery_claimed('{{evt_{'0' * 32}_1}}')",
    "prolong": "select public.fn_iu_delivery_prolong('{1}')",
    "release": "select public.fn_iu_delivery_shards_release('hook', 'one')",
    "record": "select public.fn_iu_delivery_record('[]')",
    "replay": "select public.fn_iu_delivery_replay('shop.paid', '{event}', 'a test')",
    "discard": "select public.fn_iu_delivery_discard('shop.paid', '{event}', 'a test')",
    "retry now": "select public.fn_iu_delivery_retry_now('shop.paid', 'a test')",
    "make": "select public.fn_iu_delivery_plan_make('replay', '{}', 'a test')",
    "execute": f"select public.fn_iu_delivery_plan_execute('{'0' * 64}', 10)",
    "claim plan": f"select * from public.fn_iu_delivery_claim_plan('{'0' * 64}', 10, 'one')",
    "plan has due": f"select public.fn_iu_delivery_plan_has_due('{'0' * 64}', false)",
    "progress": f"select public.fn_iu_delivery_plan_progress('{'0' * 64}')",
    "preview": "select * from public.fn_iu_delivery_gate_preview('iu_core.delivery_enabled', 'false')",
    "twin": "select * from public.fn_iu_delivery_twin('shop.paid')",
    "senders": "select * from public.fn_iu_delivery_senders()",
    "dead letters": "select * from public.fn_iu_delivery_dead_letters()",
    "pause": "select public.fn_iu_delivery_target_pause('hook', true, 'a test')",
    "enable": "select public.fn_iu_delivery_target_enable('hook', true, 'a test')",
    "granted": "select * from public.fn_iu_delivery_targets_granted()",
}
EXPLAINED: Final = {"progress", "preview", "twin", "senders", "dead letters"}
ALLOWED: Final = {
    "iu_sender": {
        "enqueue",
        "claim",
        "has due",
        "heads",
        "claim named",
        "claimed",
        "prolong",
        "release",
        "record",
        "granted",
        "claim plan",
        "plan has due",
        *EXPLAINED,
    },
    "iu_approver": EXPLAINED,
    "iu_emitter": set(),
    "workflow_admin": {
        "enqueue",
        "replay",
        "discard",
        "retry now",
        "pause",
        "enable",
        "make",
        "execute",
        *EXPLAINED,
    },
    "iu_auditor": EXPLAINED,
    "": set(),
}
"""For each role, and for a login without one, the calls that it has the right to make."""

MATRIX: Final = [
    "approve: iu_approver", "attest: iu_auditor", "attest: workflow_admin", "deliver: iu_sender",
    "demote: iu_approver", "demote: workflow_admin", "enqueue: iu_sender", "enqueue: workflow_admin",
    "explain: iu_approver", "explain: iu_auditor", "explain: iu_sender", "explain: workflow_admin",
    "propose: workflow_admin",
]  # fmt: skip

RIGHTS: Final = """
select p.proname || ' ' || r.role as may from pg_proc as p
inner join public.iu_schema_object as o
    on o.module = 'iu-delivery' and o.kind = 'function' and p.oid = to_regprocedure(o.object)
cross join unnest(%s::text []) as r (role)
where has_function_privilege(r.role, p.oid, 'execute')
order by 1
"""
DECLARED: Final = """
select split_part(split_part(o.object, '(', 1), '.', 2) || ' ' || a.role_name as may
from public.iu_schema_object as o
inner join public.iu_schema_access as a on a.access = o.access and a.verbs = 'execute'
where o.module = 'iu-delivery' and o.kind = 'function'
order by 1
"""
OF_PUBLIC: Final = """
select o.object from public.iu_schema_object as o
inner join pg_proc as p on p.oid = to_regprocedure(case o.kind when 'function' then o.object end)
cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
where o.module = 'iu-delivery' and a.grantee = 0
union all
select o.object from public.iu_schema_object as o
inner join pg_class as c on c.oid = to_regclass(case o.kind when 'table' then o.object end)
cross join aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a
where o.module = 'iu-delivery' and a.grantee = 0
union all
select o.object from public.iu_schema_object as o
inner join pg_attribute as c on c.attrelid = to_regclass(case o.kind when 'table' then o.object end)
cross join aclexplode(c.attacl) as a
where o.module = 'iu-delivery' and a.grantee = 0
"""
TABLES: Final = """
select o.object || ' ' || r.role || ' ' || v.verb as may from public.iu_schema_object as o
cross join unnest(%s::text []) as r (role)
cross join unnest('{insert,update,delete,truncate}'::text []) as v (verb)
where o.module = 'iu-delivery' and o.kind = 'table' and has_table_privilege(r.role, o.object, v.verb)
order by 1
"""


@contextmanager
def session_of(world: World, role: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a session of a new login that is a member of `role`."""
    login = f"iu_test_access_{uuid4().hex[:8]}"
    make_login(world.owner, login, *([role] if role else []))
    try:
        with psycopg.connect(url_of(world.url, login), autocommit=True) as session:
            session.execute("set default_transaction_isolation = 'read committed'")
            session.execute("select set_config('iu.deployment', %s, false)", (DEPLOYMENT,))
            yield session
    finally:
        world.owner.execute(f"drop role {login}")


def refusal(session: psycopg.Connection[Any], sql: str) -> str:
    """Return the code of the error, or `ok`."""
    try:
        session.execute(sql.encode())
    except psycopg.Error as error:
        return str(error.sqlstate)
    return "ok"


@pytest.mark.parametrize("role", ALLOWED, ids=lambda role: role or "no role")
def test_a_login_may_make_the_calls_of_its_role_and_no_other(world: World, role: str) -> None:
    (event,) = world.emit(1)
    with session_of(world, role) as session:
        answers = {name: refusal(session, sql.replace("{event}", str(event))) for name, sql in CALLS.items()}
    assert {name for name, code in answers.items() if code != "42501"} == ALLOWED[role]


def test_a_member_of_the_senders_needs_the_grant_of_the_target(world: World) -> None:
    with session_of(world, "iu_sender") as session:
        assert refusal(session, CALLS["claim"]) == "IU201"


def test_a_sender_records_only_its_own_claims(world: World, new_login: Callable[[str], str]) -> None:
    world.emit(1)
    world.enqueue()
    (claim,) = world.sender().claim()
    other = new_login("iu_sender")
    world.owner.execute(
        "insert into public.iu_delivery_target_sender (target_no, login) "
        "select target_no, %s from public.iu_delivery_target",
        (other,),
    )
    with closing(Sender(url_of(world.url, other), "other")) as sender:
        with pytest.raises(psycopg.Error) as raised:
            sender.record([claim])
        assert raised.value.sqlstate == "IU201"
    assert [row["claims"] for row in world.queue()] == [1]


def test_a_superuser_and_the_owner_of_the_tables_may_not_deliver(world: World) -> None:
    with psycopg.connect(world.url, autocommit=True) as session:
        session.execute("set default_transaction_isolation = 'read committed'")
        assert refusal(session, CALLS["claim"]) == "IU201"
    with session_of(world, "iu_owner") as session:
        assert refusal(session, CALLS["claim"]) == "IU201"


def test_the_rights_on_functions_are_those_of_the_matrix(owner: Gateway) -> None:
    rights = [row["may"] for row in owner.fetch_all(RIGHTS, (list(ROLES),))]
    assert rights == [row["may"] for row in owner.fetch_all(DECLARED)]
    assert len(rights) > 10


def test_the_matrix_is_the_one_that_was_reviewed(owner: Gateway) -> None:
    """Compare with a list of its own, because a wrong line of the matrix grants what it says."""
    rows = owner.fetch_all(
        "select access, role_name from public.iu_schema_access where module = 'iu-delivery' order by 1, 2"
    )
    assert [f"{row['access']}: {row['role_name']}" for row in rows] == MATRIX


def test_public_may_run_and_read_nothing_of_the_module(owner: Gateway) -> None:
    assert owner.fetch_all(OF_PUBLIC) == []
    with owner.transaction() as session:
        session.execute("grant select on public.iu_delivery to public")
        assert session.fetch_all(OF_PUBLIC) == [{"object": "public.iu_delivery"}]
        session.execute("revoke select on public.iu_delivery from public")
        session.execute("grant select (body_hash) on public.iu_delivery_claim to public")
        assert session.fetch_all(OF_PUBLIC) == [{"object": "public.iu_delivery_claim"}]
        session.execute("revoke select (body_hash) on public.iu_delivery_claim from public")


def test_a_role_writes_only_rules_by_hand(owner: Gateway) -> None:
    rows = owner.fetch_all(TABLES, (list(ROLES),))
    written = {row["may"].split()[0] for row in rows}
    (made,) = (code.read(step) for step in files.load_steps(sql_root(), [MODULE]) if step.is_repeatable)
    rules = {name for _, kind, name, access, *_ in made.objects if kind == "table" and access == "rule"}
    assert written == rules == {"public.iu_delivery_target", "public.iu_delivery_target_sender"}
    assert {row["may"].split()[1] for row in rows} == {"workflow_admin"}
    assert not [row for row in rows if row["may"].endswith("truncate")]


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_another_isolation_level_is_refused_and_read_committed_in_the_transaction_is_not(
    world: World, level: str
) -> None:
    (event,) = world.emit(1)
    world.owner.execute(f"alter role {world.login} set default_transaction_isolation = '{level}'")
    try:
        with psycopg.connect(url_of(world.url, world.login), autocommit=True) as session:
            session.execute("select set_config('iu.deployment', %s, false)", (DEPLOYMENT,))
            for name in ("enqueue", "claim", "record"):
                assert refusal(session, CALLS[name]) == "IU303", name
            session.execute("begin isolation level read committed")
            assert refusal(session, CALLS["enqueue"]) == "ok"
            session.execute("commit")
            session.execute("begin isolation level read committed")
            (claim,) = session.execute(CALLS["claim"].encode()).fetchall()
            assert claim[3] == event
            session.execute("commit")
    finally:
        world.owner.execute(f"alter role {world.login} reset default_transaction_isolation")


def test_the_gateway_calls_in_a_transaction_of_its_own_whatever_the_default_is(
    world: World, new_login: Callable[[str], str]
) -> None:
    (event,) = world.emit(1)
    login = new_login("workflow_admin")
    world.owner.execute(f"alter role {login} set default_transaction_isolation = 'repeatable read'")
    with Gateway(url_of(world.url, login)) as gateway:
        for sql in (CALLS["enqueue"], CALLS["discard"].replace("{event}", str(event))):
            assert gateway.fetch_value(sql)["status"] in {"ran", "held", "not_queued"}


@pytest.fixture
def new_login(world: World) -> Iterator[Callable[[str], str]]:
    """Yield a function that makes a login in a role; each is dropped when the test ends."""
    made: list[str] = []

    def make(role: str) -> str:
        made.append(f"iu_test_access_{uuid4().hex[:8]}")
        make_login(world.owner, made[-1], role)
        return made[-1]

    yield make
    for login in made:
        world.owner.execute(f"drop role {login}")
