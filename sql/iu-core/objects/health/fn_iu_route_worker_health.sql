-- row_security on, unlike other functions: health answers, and reports a table under row security as a fault
-- (decision 043).
-- enable_seqscan off: count open letters by iu_route_dead_letter_open, which contains only open ones
-- (decision 011).
create or replace function public.fn_iu_route_worker_health(worker_name text default 'iu_outbound_default')
returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = on
set jit = off
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    v_cap constant int := 10000;
    v_cursor public.iu_route_worker_cursor;
    v_tally record;
    v_backlog record;
    v_letters int;
    v_faults text [];
    v_notes text [];
begin
    perform public.fn_iu_worker_name_require(worker_name);
    v_cursor := public.fn_iu_cursor_read(worker_name);
    v_cursor.event_domain := coalesce(v_cursor.event_domain, 'iu');
    select b.* into v_backlog
    from public.fn_iu_cluster_state(v_cursor) as s
    cross join lateral public.fn_iu_cursor_backlog(
        public.fn_iu_cursor_countable(v_cursor, s.difference), s.restored_seq, v_cap + 1
    ) as b;
    select
        coalesce(sum(t.attempts), 0) as attempts,
        coalesce(sum(t.failed), 0) as failed,
        coalesce(sum(t.sent), 0) as sent
    into v_tally from public.iu_route_attempt_tally as t;
    select count(*) into v_letters
    from (select from public.iu_route_dead_letter as l where l.resolution is null limit v_cap + 1) as open;
    v_faults := public.fn_iu_health_faults(v_cursor, v_backlog.events, v_backlog.oldest_at);
    v_notes := public.fn_iu_health_notes(v_cursor, v_backlog.events, v_letters, v_cap);
    return jsonb_build_object(
        'healthy', cardinality(v_faults) = 0,
        'reasons', to_jsonb(v_faults || v_notes),
        'worker_name', worker_name,
        'worker_gate_open', public.fn_iu_gate_open(public.fn_iu_gate_key('worker')),
        'master_gate_open', public.fn_iu_gate_open(public.fn_iu_gate_key('master')),
        'delivery_gate_open', public.fn_iu_gate_open(public.fn_iu_gate_key('delivery')),
        'live_routes', to_jsonb(coalesce((
            select string_to_array(c.value, ',') from public.dot_config as c
            where c.key = public.fn_iu_gate_key('live_routes')
        ), '{}')),
        'backlog', least(v_backlog.events, v_cap),
        'backlog_capped', v_backlog.events > v_cap,
        'backlog_oldest_seconds',
        round(extract(epoch from greatest(clock_timestamp() - v_backlog.oldest_at, '0')), 3),
        'attempts_in_audit', v_tally.attempts,
        'failed_attempts', v_tally.failed,
        'delivered_sent', v_tally.sent + (select m.sent from public.fn_iu_modules_sent_tally() as m),
        'dead_letter_open', least(v_letters, v_cap),
        'dead_letter_open_capped', v_letters > v_cap,
        'last_run_at', v_cursor.last_run_at,
        'last_progress_at', v_cursor.last_progress_at,
        'cursor_event_id', v_cursor.cursor_event_id,
        'cursor_created_at', v_cursor.cursor_created_at
    );
end
$$;
comment on function public.fn_iu_route_worker_health(text) is
'Health of a worker: {"healthy", "reasons", "worker_name", "worker_gate_open", "master_gate_open",
"delivery_gate_open", "live_routes", "backlog", "backlog_capped", "backlog_oldest_seconds" (0: no backlog),
"attempts_in_audit", "failed_attempts", "delivered_sent", "dead_letter_open", "dead_letter_open_capped",
"last_run_at", "last_progress_at", "cursor_event_id", "cursor_created_at"}. backlog and dead_letter_open are
exact up to 10,000; while runs raise IU501, backlog counts the events above the highest event_seq read.
Attempts are counted over the whole audit; delivered_sent also counts what modules sent. Faults make a worker
unhealthy; closed gates, open letters and domains without a reader are listed in reasons and do not. Raises
IU104. The cost does not depend on table sizes.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_route_worker_health(text)',
    'inspect'
);
