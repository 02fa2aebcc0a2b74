-- 040: outbound routes, their history, and the numbers that replace names in the audit.
select public.fn_iu_step_require('iu-core', '030_event_types_and_outbox');

create table public.iu_audit_name (
    name_no int generated always as identity primary key,
    name text not null unique
);
comment on table public.iu_audit_name is
'Worker names and route codes with the numbers that replace them in iu_route_attempt_log. Rows are never
deleted: the same event, worker and route always give the same idempotency key.';

create table public.iu_outbound_route_version (
    route_version int generated always as identity primary key,
    route_code text not null,
    event_type text not null,
    enabled boolean not null,
    dry_run boolean not null,
    target_kind text not null,
    target_ref text not null,
    recorded_at timestamptz not null default clock_timestamp(),
    recorded_by text not null default session_user
);
create index iu_outbound_route_version_by_code
on public.iu_outbound_route_version (route_code, route_version);
comment on table public.iu_outbound_route_version is
'Every state of every outbound route: append-only, written by trg_iu_route_version. An attempt refers to the
version under which it was made, so the audit shows the target of that time. Deleting or renaming a route
adds a disabled version under its old code.';

create table public.iu_outbound_route (
    route_code text primary key,
    event_type text not null references public.event_type_registry (event_type),
    enabled boolean not null default false,
    dry_run boolean not null default true,
    target_kind text not null,
    target_ref text not null,
    route_no int not null references public.iu_audit_name (name_no),
    route_version int not null references public.iu_outbound_route_version (route_version),
    constraint route_code_is_a_name check (route_code ~ '^[a-z0-9_][a-z0-9_.-]{0,99}$'),
    constraint dry_run_is_enforced check (dry_run)
);
create index iu_outbound_route_by_type on public.iu_outbound_route (event_type, route_no) where enabled;
comment on table public.iu_outbound_route is
'Routes from event types to targets. The constraint dry_run_is_enforced allows only dry-run routes: an
attempt is recorded and nothing is delivered. trg_iu_route_version sets route_no and route_version.';

with route (route_code, event_type) as (
    values ('iu.version_applied.workflow', 'version_applied'),
    ('iu.structure_piece_split.workflow', 'structure_piece_split')
),

known as (
    insert into public.iu_audit_name (name)
    select route_code from route
    order by route_code
    returning name_no, name
),

recorded as (
    insert into public.iu_outbound_route_version
    (route_code, event_type, enabled, dry_run, target_kind, target_ref)
    select route_code, event_type, true, true, 'workflow', 'event_outbox' from route
    order by route_code
    returning *
)

insert into public.iu_outbound_route
(route_code, event_type, enabled, dry_run, target_kind, target_ref, route_no, route_version)
select
    r.route_code, r.event_type, r.enabled, r.dry_run, r.target_kind, r.target_ref, known.name_no,
    r.route_version
from recorded as r inner join known on known.name = r.route_code;

select public.fn_iu_step_record(
    'iu-core', '040_routes',
    'c77ef86dbcc536b80d4f2b5c5c9584977cc898cad4fea064d6cd4bfb79f2dc2c'
);
