-- A large work_mem: one pass over the attempts, with a hash join to the events. enable_nestloop off: without
-- statistics the planner may probe the index of the events once for each attempt. A proposal is rare
-- (decision 011).
create or replace function public.fn_iu_promotion_counts(
    route public.iu_outbound_route,
    out worker_name text, out events bigint, out subjects bigint, out type_subjects bigint,
    out first_at timestamptz, out last_at timestamptz, out failures bigint, out kinds text[]
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set work_mem = '256MB'
set enable_nestloop = off
as $$
#variable_conflict use_variable
declare
    v_worker_no int;
begin
    select c.worker_name, c.worker_no into worker_name, v_worker_no
    from public.iu_route_worker_cursor as c
    inner join public.event_type_registry as e on e.event_domain = c.event_domain
    where e.event_type = route.event_type and c.cursor_kind = 'audit' and c.retired_at is null
    order by c.worker_no limit 1;
    select coalesce(sum(g.events), 0), count(distinct g.subject), min(g.first_at), max(g.last_at),
        coalesce(array_agg(distinct g.kind order by g.kind), '{}')
    into events, subjects, first_at, last_at, kinds
    from (
        select coalesce(o.event_subject_ref, o.event_id) as subject, count(*) as events,
            public.fn_iu_payload_kind(o.safe_payload) as kind,
            min(a.created_at) as first_at, max(a.created_at) as last_at
        from public.iu_route_attempt_log as a
        inner join public.event_outbox as o on o.event_id = a.event_id
        where a.route_no = route.route_no and a.route_version = route.route_version
            and a.worker_no = v_worker_no and a.attempt_no = 1 and a.decision = 'dry_run'
            and o.event_type = route.event_type
        group by 1, 3
    ) as g;
    select count(*) into failures from public.iu_route_attempt_log as a
    where a.decision = 'failed' and a.attempt_no = 1 and a.route_no = route.route_no
        and a.route_version = route.route_version;
    select count(*) into type_subjects from (
        select from public.event_outbox as o where o.event_type = route.event_type
        group by coalesce(o.event_subject_ref, o.event_id)
    ) as s;
end
$$;
comment on function public.fn_iu_promotion_counts(public.iu_outbound_route) is
'What the audit shows about the current version of a route: the oldest audit worker of its domain that is in
use, its first attempts that are not failed, by event, subject, time and kind; the failed first attempts of
all workers; and the subjects that events of the type have. Reads all attempts and events once. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_counts(public.iu_outbound_route)', 'internal'
);
