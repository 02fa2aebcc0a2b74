-- enable_seqscan off: unread events are read by the indexes, whatever the statistics say (decision 011).
-- force_generic_plan: one plan per session, independent of parameter values (decision 011).
create or replace function public.fn_iu_workers_status(counted int default 10000)
returns table (
    worker_name text, event_domain text, healthy boolean, faults text[], backlog int,
    backlog_capped boolean, backlog_oldest_seconds numeric, last_run_at timestamptz,
    last_progress_at timestamptz, retired_at timestamptz
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = on
set jit = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
    v_outbox constant text [] := public.fn_iu_outbox_faults();
    v_open_since constant timestamptz := public.fn_iu_gates_open_since();
    v_cap constant int := greatest(
        least(coalesce(counted, 0), 1000000)
        / greatest((select count(*) from public.fn_iu_cursors() as c), 1),
        100
    );
    v_cursor public.iu_route_worker_cursor;
    v_found record;
begin
    for v_found in
        select c as cursor, s.difference, b.events, b.oldest_at
        from public.fn_iu_cursors() as c
        cross join lateral public.fn_iu_cluster_state(c) as s
        -- Because of offset 0 it is evaluated once, not wherever the inlined body names it.
        cross join lateral (select public.fn_iu_cursor_countable(c, s.difference) as cursor offset 0) as k
        cross join lateral public.fn_iu_window_backlog(k.cursor, s.restored_seq, v_cap + 1) as b
        order by c.worker_name
    loop
        v_cursor := v_found.cursor;
        faults := v_outbox || public.fn_iu_worker_faults(
            v_cursor, v_found.difference, v_found.events, v_found.oldest_at, v_open_since
        );
        worker_name := v_cursor.worker_name;
        event_domain := v_cursor.event_domain;
        healthy := cardinality(faults) = 0;
        backlog_capped := v_found.events > v_cap;
        backlog := least(v_found.events, v_cap);
        backlog_oldest_seconds := case when v_found.events > 0 then
            round(extract(epoch from greatest(clock_timestamp() - v_found.oldest_at, '0')), 3)
        end;
        last_run_at := v_cursor.last_run_at;
        last_progress_at := v_cursor.last_progress_at;
        retired_at := v_cursor.retired_at;
        return next;
    end loop;
end
$$;
comment on function public.fn_iu_workers_status(int) is
'The state of all workers, also the retired ones, by name. faults has one sentence for each reason why a
worker is unhealthy. backlog is the number of unread events, exact up to counted divided by the number of
workers, and never less than 100; beyond that it is a lower bound and backlog_capped is true.
backlog_oldest_seconds is how long the oldest unread event has waited; null if there is none. The cost depends
on the number of workers and on counted, not on table sizes. Read-only; takes no lock.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_workers_status(int)', 'inspect');
