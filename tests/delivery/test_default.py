"""Without `--with delivery` nothing of the module is there, and with it the core is as before."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from by_hand import psql
from delivery.world import World, make_login, url_of
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import code, files, migration, plan, verification
from iu_pipelines.db.steps.verification import Proof
from iu_pipelines.errors import IuError
from iu_pipelines.settings import sql_root
from proven import failed_lines
from steps.schema_picture import picture

MODULE: Final = "iu-delivery"
STEPS: Final = [step.name for step in files.load_steps(sql_root(), [MODULE])]
CORE_STEPS: Final = files.load_steps(sql_root(), [files.CORE])
BY_HAND: Final = ("-1", "-v", "ON_ERROR_STOP=1")

_MORE: Final = {
    "manifest": """select module, kind, object, access, declared_by from public.iu_schema_object
        order by 1, 2, 3""",
    "matrix": "select module, access, role_name, verbs from public.iu_schema_access order by 1, 2, 3",
    "sequences": """select sequencename, data_type::text, start_value, increment_by, max_value, cache_size
        from pg_sequences where schemaname = 'public' order by 1""",
    "types": """select t.typname, t.typtype::text, t.typowner::regrole::text,
        coalesce(t.typacl, acldefault('T', t.typowner))::text as acl from pg_type as t
        where t.typnamespace = 'public'::regnamespace order by 1""",
    "privileges of functions": """select p.oid::regprocedure::text, p.proacl::text, p.proconfig, p.prosecdef
        from pg_proc as p where p.pronamespace = 'public'::regnamespace order by 1""",
    "comments": """select d.classoid::regclass::text, d.objoid, d.objsubid, d.description
        from pg_description as d
        where d.classoid::regclass::text in ('pg_class', 'pg_proc', 'pg_type') and d.objoid > 16384
        order by 1, 2, 3""",
    "schema": "select nspname, nspacl::text from pg_namespace where nspname !~ '^pg_t' order by 1",
    # Not the databases and logins of tests that run beside this one.
    "settings": """select s.setrole::regrole::text, s.setconfig from pg_db_role_setting as s
        inner join pg_database as d on d.oid = s.setdatabase
        where d.datname = current_database() order by 1""",
    "roles": """select rolname, rolcanlogin, rolsuper, rolinherit from pg_roles
        where rolname ~ '^(iu_|workflow_)' and rolname !~ '^iu_test_' order by 1""",
    "cursors": "select worker_name, cursor_kind from public.iu_route_worker_cursor order by 1",
    "history": "select key, new_value from public.dot_config_history order by 1, 2",
}
_NUMBERED: Final = {"comments"}
"""Parts with object identifiers, which differ between two databases."""


def catalog(gateway: Gateway) -> dict[str, list[dict[str, Any]]]:
    """Return what steps create: the picture of schema `public`, roles, privileges, settings and comments."""
    return picture(gateway) | {name: gateway.fetch_all(sql) for name, sql in _MORE.items()}


def lines(proofs: list[Proof]) -> list[tuple[str, str, str, str]]:
    """Return every line of the proofs of the core, with its verdict and what was seen."""
    return [
        (proof.step, line.name, line.expected, line.seen)
        for proof in proofs
        if not proof.step.startswith(MODULE)
        for line in proof.lines
    ]


def test_the_default_install_is_that_of_a_tree_without_the_module(
    gateway: Gateway, empty_gateway: Gateway, tmp_path: Path
) -> None:
    shutil.copytree(sql_root() / files.CORE, tmp_path / "sql" / files.CORE)
    migration.apply(empty_gateway, root=tmp_path / "sql")
    alone, default = catalog(empty_gateway), catalog(gateway)
    for part in alone.keys() - _NUMBERED:
        assert default[part] == alone[part], part


def test_the_default_install_has_what_the_files_of_the_core_declare_and_nothing_else(
    gateway: Gateway,
) -> None:
    made = [code.read(step) for step in CORE_STEPS]
    rows = gateway.fetch_all(
        "select module, kind, split_part(object, '(', 1) as name, access from public.iu_schema_object"
    )
    assert {tuple(row.values()) for row in rows if row["kind"] != "trigger"} == {
        (module, kind, name.partition("(")[0], access)
        for one in made
        for module, kind, name, access, *_ in one.objects
        if kind != "trigger"
    }
    rows = gateway.fetch_all("select module, access, role_name, verbs from public.iu_schema_access")
    assert {tuple(row.values()) for row in rows} == {entry for one in made for entry in one.access}
    assert {key.module for key in plan.read_ledger(gateway)} == {files.CORE}
    assert failed_lines(verification.verify(gateway)) == []


def test_no_object_of_the_module_is_in_the_default_install(gateway: Gateway, owner: Gateway) -> None:
    declared = owner.fetch_all(
        "select kind, object from public.iu_schema_object where module = %s and kind <> 'trigger'", (MODULE,)
    )
    assert len(declared) > 60
    names = [row["object"] for row in declared]
    found = gateway.fetch_all(
        """select o.name from unnest(%s::text []) as o (name)
           where to_regclass(split_part(o.name, '(', 1)) is not null
               or to_regproc(split_part(o.name, '(', 1)) is not null
               or to_regtype(split_part(o.name, '(', 1)) is not null""",
        (names,),
    )
    assert found == []
    settings = "select key from public.dot_config order by key"
    assert owner.fetch_all(settings) == gateway.fetch_all(settings)


def test_every_proof_and_probe_of_the_core_has_the_same_lines_with_the_module(
    gateway: Gateway, owner: Gateway
) -> None:
    with_module = [*verification.verify(owner), *verification.probe(owner)]
    without = [*verification.verify(gateway), *verification.probe(gateway)]
    assert failed_lines(with_module) == failed_lines(without) == []
    assert lines(with_module) == lines(without)
    names = {name.split()[0] for _, name, *_ in lines(with_module)}
    assert {f"P{number}" for number in range(10)} <= names
    assert {f"E.{number}" for number in range(3, 10)} <= names
    counted = {
        name: sum(int(count) for count in re.findall(r"(?:^|; )(\d+) x ", seen))
        for step, name, _, seen in lines(with_module)
        if step == "080_fail_closed_delivery_probe" and re.match(r"C[1-8] ", name)
    }
    assert sum(counted.values()) == 64


def test_the_gates_stay_closed_and_every_route_stays_a_rehearsal(owner: Gateway) -> None:
    closed = owner.fetch_all(
        "select key, value from public.dot_config where key like 'iu_core.delivery%%' order by key"
    )
    assert [row["value"] for row in closed] == ["false", ""]
    with pytest.raises(IuError) as refused:
        owner.execute("update public.iu_outbound_route set dry_run = false")
    assert refused.value.code == "23514"
    with pytest.raises(IuError) as refused:
        owner.execute("select public.fn_iu_route_deliver(gen_random_uuid(), 'iu.version_applied.workflow')")
    assert refused.value.code == "IU201"


def test_a_rollback_leaves_no_trace_of_the_module(own_server: EmbeddedServer) -> None:
    with Gateway(own_server.ensure_running()) as gateway:
        migration.apply(gateway)
        before = catalog(gateway)
        migration.apply(gateway, ["delivery"])
        assert {"iu_approver", "iu_sender"} <= {row["rolname"] for row in catalog(gateway)["roles"]}
        done = migration.rollback(gateway, migration.NOTHING, "delivery")
        assert [(result.name, result.action) for result in done] == [
            (name, "rolled_back") for name in reversed(STEPS)
        ]
        after = catalog(gateway)
        assert "iu_sender" not in {row["rolname"] for row in after["roles"]}
        for part in before:
            assert after[part] == before[part], part
        assert failed_lines(verification.verify(gateway)) == []


def test_each_rollback_of_the_module_restores_what_was_there_before_its_step(gateway: Gateway) -> None:
    seen = [catalog(gateway)]
    migration.apply(gateway, ["delivery"], on_step=lambda _: seen.append(catalog(gateway)))
    for number in reversed(range(len(STEPS))):
        kept = STEPS[number - 1] if number else migration.NOTHING
        migration.rollback(gateway, kept, "delivery")
        now = catalog(gateway)
        for part in now.keys() - {"roles", "comments"}:
            assert now[part] == seen[number][part], f"{part} after rollback of {STEPS[number]}"


def test_the_module_can_be_applied_again_after_a_rollback(owner: Gateway) -> None:
    before = catalog(owner)
    migration.rollback(owner, migration.NOTHING, "delivery")
    assert [result.name for result in migration.apply(owner, ["delivery"])] == STEPS
    after = catalog(owner)
    for part in before.keys() - _NUMBERED:
        assert after[part] == before[part], part


def test_the_roles_of_the_module_stay_while_another_database_uses_them(
    owner: Gateway, new_database: Callable[[str], str], delivery_template: str
) -> None:
    with Gateway(new_database(delivery_template)) as other:
        migration.rollback(owner, migration.NOTHING, "delivery")
        assert other.fetch_value("select has_schema_privilege('iu_sender', 'public', 'usage')")
        assert failed_lines(verification.verify(other)) == []
    assert not owner.fetch_value(
        "select exists (select from pg_namespace as n cross join aclexplode(n.nspacl) as a "
        "where n.nspname = 'public' and a.grantee = 'iu_sender'::regrole)"
    )


def make_queued(world: World) -> None:
    world.emit(1)
    world.enqueue()


def make_in_flight(world: World) -> None:
    make_queued(world)
    assert world.sender().claim()


def make_in_doubt(world: World) -> None:
    make_in_flight(world)
    world.pass_time(3600)


def make_dead(world: World) -> None:
    make_queued(world)
    sender = world.sender()
    sender.record(sender.claim(), "failed", error="refused")


def make_sent(world: World) -> None:
    make_queued(world)
    sender = world.sender()
    sender.record(sender.claim())


def close_gates(world: World) -> None:
    world.set_gate("delivery", "false")
    world.set_gate("live_routes", "")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_queued, "rollback of 070_functions would lose deliveries that are not settled: 1 queued"),
        (make_in_flight, "rollback of 070_functions would lose deliveries that are not settled: 1 in flight"),
        (make_in_doubt, "rollback of 070_functions would lose deliveries that are not settled: 1 in doubt"),
        (make_dead, "rollback of 070_functions would lose deliveries that are not settled: 1 dead"),
        (make_sent, "rollback of 030_queue would lose the record of claims, outcomes and decisions"),
        (lambda _: None, "rollback of 020_promotions would lose promotions and their decisions"),
    ],
    ids=["queued", "in flight", "in doubt", "dead", "sent", "promoted"],
)
def test_a_rollback_is_refused_while_something_would_be_lost(
    world: World, make: Callable[[World], None], message: str
) -> None:
    make(world)
    before = catalog(world.owner)
    with pytest.raises(IuError, match=re.escape(message) + r"\n") as refused:
        migration.rollback(world.owner, migration.NOTHING, "delivery")
    assert refused.value.code == "IU901"
    assert refused.value.hint
    assert refused.value.__notes__[0].endswith("failed, so no step was rolled back")
    assert catalog(world.owner) == before


def test_psql_alone_is_refused_as_well_while_a_delivery_is_queued(world: World) -> None:
    make_queued(world)
    for step in reversed(STEPS):
        path = sql_root() / MODULE / "rollback" / f"{step.partition('/')[2]}.sql"
        assert psql(world.url, path, *BY_HAND).returncode != 0
    close_gates(world)
    assert failed_lines(verification.verify(world.owner)) == []


def test_psql_alone_loses_no_delivery_if_only_the_functions_are_gone(world: World) -> None:
    """Each rollback has its own guard: what depends on the step is not the only one."""
    world.close()
    migration.rollback(world.owner, "030", "delivery")
    world.owner.execute(
        """insert into public.iu_delivery (
               route_no, event_seq, event_id, subject, promotion_no, route_version, target_version, shard,
               is_head
           )
           select route_no, 1, gen_random_uuid(), gen_random_uuid(), promotion_no, 1, 1, 1, true
           from public.iu_delivery_route"""
    )
    with pytest.raises(IuError, match="030_queue would lose deliveries that are not settled"):
        world.owner.run_script((sql_root() / MODULE / "rollback" / "030_queue.sql").read_text("utf-8"))
    assert world.owner.fetch_value("select count(*) from public.iu_delivery") == 1


def test_a_target_is_not_lost_by_a_rollback(owner: Gateway) -> None:
    owner.execute("insert into public.iu_delivery_target (target_name, kind) values ('hook', 'webhook')")
    with pytest.raises(IuError, match="rollback of 010_targets would lose targets"):
        migration.rollback(owner, migration.NOTHING, "delivery")


def test_after_its_rows_are_deleted_a_live_route_leaves_no_cursor_behind(world: World) -> None:
    make_sent(world)
    close_gates(world)
    world.close()
    owner = world.owner
    with pytest.raises(IuError, match="030_queue"):
        migration.rollback(owner, migration.NOTHING, "delivery")
    migration.rollback(owner, "030", "delivery")
    owner.execute(
        """delete from public.iu_delivery_decision; delete from public.iu_delivery_outcome;
           delete from public.iu_delivery_claim; delete from public.iu_delivery_ledger;
           delete from public.iu_delivery_batch"""
    )
    migration.rollback(owner, "020", "delivery")
    owner.execute(
        """delete from public.iu_delivery_route; delete from public.iu_route_promotion_decision;
           delete from public.iu_route_promotion"""
    )
    migration.rollback(owner, "010", "delivery")
    assert not owner.fetch_all(
        "select from public.iu_route_worker_cursor where cursor_kind = 'delivery' or worker_name ~ '^live:'"
    )
    owner.execute(
        """delete from public.iu_delivery_shard; delete from public.iu_delivery_target_state;
           delete from public.iu_delivery_target_sender; delete from public.iu_delivery_target"""
    )
    migration.rollback(owner, migration.NOTHING, "delivery")
    assert failed_lines(verification.verify(owner)) == []


def make_everything(world: World) -> None:
    """Leave rows in every table whose loss a rollback refuses."""
    make_dead(world)
    plan = world.owner.fetch_value(
        "select public.fn_iu_delivery_plan_make('discard', '{\"target\": \"hook\"}', 'test')"
    )
    world.owner.execute("select public.fn_iu_delivery_plan_execute(%s, 1)", (plan["plan_hash"],))
    login = f"{world.login}_proposes"
    make_login(world.owner, login, "workflow_admin")
    with Gateway(url_of(world.url, login)) as proposer:
        proposer.execute("select public.fn_iu_promotion_threshold_propose('events', 12, 'test')")
    close_gates(world)
    world.close()


def refusal(world: World) -> IuError | None:
    """Remove the module, and return the error if that is refused."""
    try:
        migration.rollback(world.owner, migration.NOTHING, "delivery")
    except IuError as refused:
        return refused
    return None


def test_the_hints_of_refused_rollbacks_lead_to_the_removal_of_the_module(world: World) -> None:
    """Each hint names a step to roll back to, and tables whose rows can be deleted in this order."""
    make_everything(world)
    refusals = []
    while refused := refusal(world):
        refusals.append(refused.message.partition(" would lose ")[2])
        said, _, order = str(refused.hint).partition("in this order: ")
        (step,) = re.findall(r"\(iu rollback (\d+) --module iu-delivery\)", said)
        migration.rollback(world.owner, step, "delivery")
        for table in re.findall(r"\w+", order):
            world.owner.execute(f"delete from public.{table}")
    assert refusals == [
        "plans",
        "the record of claims, outcomes and decisions",
        "promotions and their decisions",
        "changes of thresholds and their decisions",
        "targets",
    ]
    assert failed_lines(verification.verify(world.owner)) == []


def test_the_core_is_not_rolled_back_below_what_the_module_needs(owner: Gateway) -> None:
    before = catalog(owner)
    for step in ("060", "050", migration.NOTHING):
        with pytest.raises(IuError, match=MODULE) as refused:
            migration.rollback(owner, step)
        assert refused.value.code == "IU901"
    assert catalog(owner) == before
    migration.rollback(owner, "080")
    assert [result.name for result in migration.apply(owner)] == [
        "090_route_worker_enable",
        "100_route_worker_live_verification",
    ]


def test_an_installation_without_group_roles_is_refused_and_nothing_is_left(empty_gateway: Gateway) -> None:
    migration.apply(empty_gateway, without_roles=True)
    before = catalog(empty_gateway)
    with pytest.raises(IuError, match="module iu-delivery needs the group roles") as refused:
        migration.apply(empty_gateway, ["delivery"])
    assert refused.value.code == "IU901"
    assert refused.value.hint
    assert catalog(empty_gateway) == before
    assert migration.apply(empty_gateway) == []


def test_functions_applied_again_change_nothing(owner: Gateway) -> None:
    before = catalog(owner)
    for step in files.load_steps(sql_root()):
        if step.is_repeatable:
            owner.run_script(step.file.text)
    assert catalog(owner) == before
    assert failed_lines(verification.verify(owner)) == []


def test_the_module_by_psql_alone_is_the_same_as_by_the_command(
    gateway: Gateway, database: str, owner: Gateway
) -> None:
    for step in files.load_steps(sql_root(), [MODULE]):
        done = psql(database, step.file.path, *BY_HAND)
        assert done.returncode == 0, done.stderr
    by_hand, by_command = catalog(gateway), catalog(owner)
    for part in by_hand.keys() - _NUMBERED:
        assert by_hand[part] == by_command[part], part
    assert migration.apply(gateway) == []
