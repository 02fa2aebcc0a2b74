create or replace function public.fn_iu_worker_faults(
    given public.iu_route_worker_cursor, difference text, backlog int, oldest_at timestamptz,
    gates_open_since timestamptz
)
returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_faults text [] := array[]::text [];
    v_still interval;
begin
    if difference is not null then
        v_faults := v_faults || format('%s: runs are refused until a seek', difference);
    end if;
    if gates_open_since is not null and backlog > 0 and given.retired_at is null then
        -- A run that closed its window had read everything committed by then, so an event that is older than
        -- the run and still waits was committed later. Idle runs are recorded once a minute (decision 025).
        v_still := clock_timestamp() - greatest(oldest_at, given.last_progress_at, given.added_at, case
            when given.window_snapshot is null and oldest_at <= given.last_run_at
                then least(given.last_run_at + interval '1 minute', clock_timestamp())
        end, gates_open_since);
        if v_still > make_interval(secs => public.fn_iu_setting_seconds('iu_core.stall_seconds', 300)) then
            v_faults := v_faults || format(
                'the backlog has not moved for %s seconds while the gates are open',
                round(extract(epoch from v_still))
            );
        end if;
    end if;
    return v_faults;
end
$$;
comment on function public.fn_iu_worker_faults(
    public.iu_route_worker_cursor, text, int, timestamptz, timestamptz
) is
'What makes one worker unhealthy, one sentence each: the outbox or the cursor is not where it was anchored
(the difference of fn_iu_cluster_state), or the backlog has not moved for iu_core.stall_seconds while the
gates are open (fn_iu_gates_open_since) and the worker is in use. The time counts from when the backlog could
first have been read: after the worker was added or resumed, after the gates were opened and, for late
commits, from a minute after the last run. Empty for a healthy worker.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_worker_faults(public.iu_route_worker_cursor, text, int, timestamptz, timestamptz)',
    'internal'
);
