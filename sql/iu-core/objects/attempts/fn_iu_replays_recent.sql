-- enable_seqscan and enable_bitmapscan off: read the replays in the order of their index (decisions 011 and
-- 041).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_replays_recent(
    worker_name text, run_ref text, before_attempt_id bigint, row_limit int
)
returns setof public.iu_route_attempt_log
language plpgsql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
begin
    if run_ref is not null then
        return query
        select a.* from public.iu_route_attempt_log as a
        where a.attempt_no > 1 and a.run_ref = fn_iu_replays_recent.run_ref
            and a.attempt_id < before_attempt_id
        order by a.attempt_id desc limit row_limit;
        return;
    end if;
    -- A loose index scan over the workers that have replays, then the newest replays of each (decision 041).
    return query
    with recursive worker (no) as (
        select min(a.worker_no) from public.iu_route_attempt_log as a where a.attempt_no > 1
        union all
        select (
            select min(a.worker_no) from public.iu_route_attempt_log as a
            where a.attempt_no > 1 and a.worker_no > w.no
        )
        from worker as w where w.no is not null
    )
    select r.* from worker as w
    cross join lateral (
        select a.* from public.iu_route_attempt_log as a
        where a.attempt_no > 1 and a.worker_no = w.no and a.attempt_id < before_attempt_id
        order by a.attempt_id desc limit row_limit
    ) as r
    where worker_name is null or w.no = (
        select n.name_no from public.iu_audit_name as n where n.name = fn_iu_replays_recent.worker_name
    );
end
$$;
comment on function public.fn_iu_replays_recent(text, text, bigint, int) is
'The newest replays older than before_attempt_id. With run_ref: at most row_limit replays of that run. With
worker_name: at most row_limit of that worker. With neither: at most row_limit of each worker.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_replays_recent(text, text, bigint, int)',
    'internal'
);
