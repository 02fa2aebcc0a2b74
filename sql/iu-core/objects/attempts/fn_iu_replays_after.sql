-- enable_seqscan and enable_bitmapscan off: one probe of replays_by_worker for each worker, whatever the
-- statistics say (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_replays_after(
    after_attempt_id bigint, known_attempt_ids bigint[], row_limit int
)
returns setof public.iu_attempt
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
begin
    perform public.fn_iu_row_limit_require(row_limit);
    -- A loose index scan over the workers that have replays, as in fn_iu_replays_recent.
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
    select n.* from public.fn_iu_attempts_named(array(
        select r.attempt from worker as w
        cross join lateral (
            select a as attempt, a.attempt_id from public.iu_route_attempt_log as a
            where a.attempt_no > 1 and a.worker_no = w.no
                and a.attempt_id > coalesce(after_attempt_id, 0)
                and a.attempt_id <> all (coalesce(known_attempt_ids, '{}'))
            order by a.attempt_id limit row_limit
        ) as r
        order by r.attempt_id limit row_limit
    )) as n
    order by n.attempt_id;
end
$$;
comment on function public.fn_iu_replays_after(bigint, bigint[], int) is
'The replays of all workers after an attempt_id, without the known ones, oldest first, at most row_limit.
Columns as in the view iu_route_attempt. The cost depends on the number of replays after it, and of workers.
Raises IU301 for a row_limit outside 1 to 10000. Takes no lock.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_replays_after(bigint, bigint[], int)', 'inspect'
);
