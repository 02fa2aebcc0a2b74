"""Rules for the catalog. Each is a query for violations, with statements that violate it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OURS: Final = "p.pronamespace = 'public'::regnamespace and p.proname like 'fn\\_iu\\_%'"

REPORTED_BY_HEALTH: Final = (
    "'fn_iu_route_worker_health', 'fn_iu_gate_open', 'fn_iu_retention_state', 'fn_iu_retention_cut', "
    "'fn_iu_cluster_event_ahead', 'fn_iu_module_row_security', 'fn_iu_unread_domains', "
    "'fn_iu_outbox_notes', 'fn_iu_workers_status', 'fn_iu_delivery_sent_tally', 'fn_iu_delivery_unpromoted'"
)
"""Functions without `row_security = off`: health reports the table (decision 043), and calls the others."""


@dataclass(frozen=True, slots=True)
class Law:
    """A rule as a sentence, the query that returns its violations, and statements that violate it."""

    sentence: str
    breaches: str
    broken_by: tuple[str, ...]


LAWS: Final = (
    Law(
        "every function has a fixed search path, or a body that was bound when it was created",
        f"""select p.oid::regprocedure::text from pg_proc as p
        where {OURS} and (p.prosqlbody is null or p.prosecdef)
            and not coalesce(p.proconfig, '{{}}') @> '{{"search_path=pg_catalog, pg_temp"}}'""",
        (
            "alter function public.fn_iu_gate_open(text) reset search_path",
            "alter function public.fn_iu_emit_events(jsonb) set search_path = public, pg_catalog",
        ),
    ),
    Law(
        "a function that turns a planner method off turns the compiler off too",
        f"""select p.oid::regprocedure::text from pg_proc as p
        where {OURS} and array_to_string(p.proconfig, ' ') like '%enable\\_%=off%'
            and not p.proconfig @> '{{"jit=off"}}'""",
        (
            "alter function public.fn_iu_cursor_read(text) reset jit",
            "alter function public.fn_iu_gate_open(text) set enable_seqscan = off",
        ),
    ),
    Law(
        "a function that a role may run, and a trigger function, is refused what row security would hide",
        f"""select p.oid::regprocedure::text from pg_proc as p
        inner join public.iu_schema_object as o
            on p.oid = to_regprocedure(case o.kind when 'function' then o.object end)
        where (
                o.access not in ('emit', 'compute') and exists (
                    select from public.iu_schema_access as a
                    where a.access = o.access and a.verbs = 'execute'
                )
                or p.prorettype = 'trigger'::regtype
            )
            and p.provolatile <> 'i' and p.prosqlbody is null and p.prosrc like '%public.%'
            and p.proname not in ({REPORTED_BY_HEALTH})
            and not coalesce(p.proconfig, '{{}}') @> '{{"row_security=off"}}'""",
        (
            "alter function public.fn_iu_route_worker_run(text, int, text) reset row_security",
            "alter function public.fn_iu_gate_list() set row_security = on",
            "alter function public.fn_iu_unit_version_emit() reset row_security",
        ),
    ),
    Law(
        "no table of iu_pipelines is under row security",
        """select c.relname from pg_class as c
        where c.relnamespace = 'public'::regnamespace and (c.relrowsecurity or c.relforcerowsecurity)""",
        (
            "alter table public.event_outbox enable row level security",
            "alter table public.dot_config force row level security",
        ),
    ),
    Law(
        "every function has a comment",
        f"""select p.oid::regprocedure::text from pg_proc as p
        where {OURS} and coalesce(length(obj_description(p.oid, 'pg_proc')), 0) < 30""",
        ("comment on function public.fn_iu_emit_events(jsonb) is null",),
    ),
    Law(
        "every table and view has a comment",
        """select c.oid::regclass::text from pg_class as c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'p', 'm')
            and coalesce(length(obj_description(c.oid, 'pg_class')), 0) < 30""",
        ("comment on table public.event_outbox is null", "comment on view public.iu_route_attempt is null"),
    ),
    Law(
        "no function is strict unless it is immutable",
        f"select p.oid::regprocedure::text from pg_proc as p where {OURS} and p.proisstrict "
        "and p.provolatile <> 'i'",
        ("alter function public.fn_iu_emit_events(jsonb) strict",),
    ),
    Law(
        "only public functions and trigger functions are security definers",
        """select o.object from public.iu_schema_object as o
        inner join pg_proc as p
            on p.oid = to_regprocedure(case o.kind when 'function' then o.object end)
        where (p.prosecdef and o.access = 'internal' and p.prorettype <> 'trigger'::regtype)
            or (not p.prosecdef and o.access not in ('internal', 'compute', 'inspect', 'explain'))""",
        (
            "alter function public.fn_iu_window_snapshot() security definer",
            "alter function public.fn_iu_emit_events(jsonb) security invoker",
        ),
    ),
    Law(
        "the owner owns every function and every table view and sequence",
        f"""select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace = 'public'::regnamespace and {OURS} and p.proowner <> to_regrole('iu_owner')
        union all
        select c.oid::regclass::text from pg_class as c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'S', 'p', 'm')
            and c.relowner <> to_regrole('iu_owner')""",
        (
            "alter function public.fn_iu_emit_events(jsonb) owner to current_user",
            "alter table public.event_outbox owner to current_user",
        ),
    ),
    Law(
        "no group role can log in or has attributes",
        """select rolname from pg_roles where rolname in (
            select role_name from public.iu_schema_access union all select 'iu_owner'
        ) and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolbypassrls
            or rolreplication)""",
        ("alter role iu_owner login", "alter role workflow_admin createdb"),
    ),
    Law(
        "no body is longer than sixty lines",
        f"""select p.oid::regprocedure::text from pg_proc as p
        where {OURS} and cardinality(string_to_array(btrim(p.prosrc, E'\\n'), E'\\n')) > 60""",
        (
            "do $do$ begin execute format("
            "'create function public.fn_iu_long() returns void language plpgsql as %L', "
            "'begin' || repeat(E'\\n    null;', 60) || E'\\nend'); end $do$",
        ),
    ),
    Law(
        "PUBLIC may run nothing and read nothing",
        f"""select p.oid::regprocedure::text from pg_proc as p
        cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where p.pronamespace = 'public'::regnamespace and {OURS} and a.grantee = 0
        union all
        select c.oid::regclass::text from pg_class as c
        cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a
        where c.relnamespace = 'public'::regnamespace and a.grantee = 0
            and c.relkind in ('r', 'v', 'S', 'p', 'm')
        union all
        select t.attrelid::regclass::text || '.' || t.attname from pg_attribute as t
        inner join pg_class as c on c.oid = t.attrelid
        where c.relnamespace = 'public'::regnamespace and t.attacl is not null""",
        (
            "grant execute on function public.fn_iu_gate_open(text) to public",
            "grant select on public.iu_route_attempt to public",
            "grant select (event_id) on public.event_outbox to iu_emitter",
        ),
    ),
    Law(
        "PUBLIC may not execute functions that the owner creates later",
        """select 'default privileges of iu_owner' where not exists (
            select from pg_default_acl as d
            where d.defaclrole = to_regrole('iu_owner') and d.defaclobjtype = 'f' and d.defaclnamespace = 0
                and not exists (select from aclexplode(d.defaclacl) as a where a.grantee = 0)
        )""",
        ("alter default privileges for role iu_owner grant execute on functions to public",),
    ),
    Law(
        "names of functions triggers and views follow the convention",
        """select p.proname from pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proowner = to_regrole('iu_owner')
            and p.proname !~ '^fn_iu_[a-z_]+$'
        union all
        select t.tgname from pg_trigger as t inner join pg_class as c on c.oid = t.tgrelid
        where c.relnamespace = 'public'::regnamespace and not t.tgisinternal
            and t.tgname !~ '^trg_iu_[a-z_]+$'
        union all
        select c.relname from pg_class as c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
            and c.relname !~ '^vw_iu_[a-z_]+$' and c.relname <> 'iu_route_attempt'""",
        (
            "alter function public.fn_iu_gate_open(text) rename to gate_open",
            "alter trigger trg_iu_append_only on public.event_outbox rename to no_update",
            "create view public.letters as select 1 as one",
        ),
    ),
    Law(
        "names of check constraints are sentences",
        """select n.conrelid::regclass::text || ' ' || n.conname from pg_constraint as n
        where n.connamespace = 'public'::regnamespace and n.contype = 'c'
            and n.conname <> 'two_people'
            and (n.conname ~ '_check[0-9]*$' or n.conname !~ '^[a-z]+(_[a-z0-9]+){2,}$')""",
        ("alter table public.information_unit add check (unit_kind <> '')",),
    ),
    Law(
        "every check is validated",
        """select n.conname from pg_constraint as n
        where n.connamespace = 'public'::regnamespace and not n.convalidated""",
        (
            "alter table public.iu_outbound_route drop constraint dry_run_is_enforced, "
            "add constraint dry_run_is_enforced check (dry_run) not valid",
        ),
    ),
    Law(
        "append-only tables refuse update delete and truncate",
        """select o.object from public.iu_schema_object as o
        where o.access = 'record' and not exists (
            select from pg_trigger as g
            where g.tgrelid = to_regclass(o.object) and g.tgname = 'trg_iu_append_only'
                and g.tgenabled in ('O', 'A') and g.tgtype = 2 | 8 | 16 | 32
                and g.tgfoid = 'public.fn_iu_append_only_refuse'::regproc
        )""",
        (
            "alter table public.event_outbox disable trigger trg_iu_append_only",
            "drop trigger trg_iu_append_only on public.iu_route_attempt_log",
        ),
    ),
    Law(
        "the manifest contains every trigger",
        """select replace(lower(pg_get_triggerdef(t.oid)), 'public.', '') as name from pg_trigger as t
        where t.tgname like 'trg\\_iu\\_%' and not t.tgisinternal
        except
        select replace(o.object, 'public.', '') from public.iu_schema_object as o where o.kind = 'trigger'""",
        (
            """create trigger trg_iu_stray before delete on public.event_outbox
            for each row execute function public.fn_iu_append_only_refuse()""",
        ),
    ),
    Law(
        "the manifest contains every table view function and type",
        f"""select p.oid::regprocedure::text as name from pg_proc as p where {OURS}
        except
        select to_regprocedure(case o.kind when 'function' then o.object end)::text
        from public.iu_schema_object as o
        union all
        (
            select c.oid::regclass::text from pg_class as c
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'p', 'm', 'c')
            except
            select coalesce(to_regclass(o.name)::text, to_regtype(o.name)::text)
            from (
                select case when k.kind in ('table', 'view', 'type') then k.object end as name
                from public.iu_schema_object as k
            ) as o
        )""",
        (
            "create table public.iu_stray (n int)",
            "create function public.fn_iu_stray() returns int language sql as 'select 1'",
            "delete from public.iu_schema_object where object = 'public.event_outbox'",
        ),
    ),
    Law(
        "every table has a primary key so that a publication can name its rows",
        """select c.oid::regclass::text from pg_class as c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not exists (
            select from pg_index as i where i.indrelid = c.oid and i.indisprimary and i.indisvalid
        )""",
        (
            "alter table public.iu_route_attempt_log drop constraint each_try_is_made_once",
            "create table public.iu_stray (n int unique not null)",
        ),
    ),
    Law(
        "a live route is impossible",
        """select 'dry_run_is_enforced' where not exists (
            select from pg_constraint as n
            where n.conrelid = 'public.iu_outbound_route'::regclass and n.conname = 'dry_run_is_enforced'
                and n.contype = 'c' and n.convalidated and pg_get_constraintdef(n.oid) = 'CHECK (dry_run)'
        )""",
        (
            "alter table public.iu_outbound_route drop constraint dry_run_is_enforced",
            "alter table public.iu_outbound_route drop constraint dry_run_is_enforced, "
            "add constraint dry_run_is_enforced check (dry_run or target_ref = 'x')",
        ),
    ),
    Law(
        "the outbox has no foreign key and no row trigger that an emitter pays for",
        """select n.conname from pg_constraint as n
        where n.contype = 'f'
            and n.conrelid in ('public.event_outbox'::regclass, 'public.iu_route_attempt_log'::regclass)
        union all
        select t.tgname from pg_trigger as t
        where t.tgrelid in ('public.event_outbox'::regclass, 'public.iu_route_attempt_log'::regclass)
            and t.tgtype & 1 = 1 and not t.tgisinternal""",
        (
            "alter table public.iu_route_attempt_log "
            "add foreign key (event_id) references public.event_outbox",
            "create trigger trg_iu_each before insert on public.event_outbox for each row "
            "execute function public.fn_iu_append_only_refuse()",
        ),
    ),
    Law(
        "no function is overloaded",
        f"select p.proname from pg_proc as p where {OURS} group by p.proname having count(*) > 1",
        ("create function public.fn_iu_gate_open(key int) returns int language sql as 'select 1'",),
    ),
)
