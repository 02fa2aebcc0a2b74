create or replace function public.fn_iu_health_faults(
    given public.iu_route_worker_cursor, backlog int, oldest_at timestamptz
)
returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_faults text [] := array[]::text [];
    v_gates_open boolean := public.fn_iu_gate_open(public.fn_iu_gate_key('master'))
        and public.fn_iu_gate_open(public.fn_iu_gate_key('worker'));
    v_still interval;
    v_filtered constant text := public.fn_iu_module_row_security(null);
    v_difference text;
begin
    if v_filtered is not null then
        v_faults := v_faults || format(
            'row security is on for %s: rows that it hides are not counted', v_filtered
        );
    end if;
    if not exists (
        select from pg_constraint as c
        where c.conrelid = to_regclass('public.iu_outbound_route')
            and c.conname = 'dry_run_is_enforced' and c.contype = 'c'
    ) then
        v_faults := v_faults || 'the safety check dry_run_is_enforced of iu_outbound_route is missing'::text;
    end if;
    v_difference := (select s.difference from public.fn_iu_cluster_state(given) as s);
    if v_difference is not null then
        v_faults := v_faults || format('%s: runs are refused until a seek', v_difference);
    end if;
    if v_gates_open and backlog > 0 and given.retired_at is null then
        -- A run that closed its window had read everything committed by then, so an event that is older than
        -- the run and still waits was committed later. Idle runs are recorded once a minute (decision 025).
        v_still := clock_timestamp() - greatest(oldest_at, given.last_progress_at, case
            when given.window_snapshot is null and oldest_at <= given.last_run_at
                then least(given.last_run_at + interval '1 minute', clock_timestamp())
        end, (
            select max(c.updated_at) from public.dot_config as c
            where c.key in (public.fn_iu_gate_key('master'), public.fn_iu_gate_key('worker'))
        ));
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
comment on function public.fn_iu_health_faults(public.iu_route_worker_cursor, int, timestamptz) is
'What makes a worker unhealthy, one sentence each: row security is on for a table, the constraint
dry_run_is_enforced is missing, the outbox or the cursor is not where it was anchored (fn_iu_cluster_state),
or the backlog has not moved for iu_core.stall_seconds while the gates are open and the worker is in use. The
time counts from when the backlog could first have been read: after the gates were opened and, for late
commits, from a minute after the last run. Empty for a healthy worker.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_health_faults(public.iu_route_worker_cursor, int, timestamptz)',
    'internal'
);
