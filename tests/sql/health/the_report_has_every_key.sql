select same(
    (select string_agg(k, ' ' order by k) from jsonb_object_keys(fn_iu_route_worker_health('tester')) as k),
    'attempts_in_audit backlog backlog_capped backlog_oldest_seconds cursor_created_at cursor_event_id '
    'dead_letter_open dead_letter_open_capped delivered_sent delivery_gate_open failed_attempts healthy '
    'last_progress_at last_run_at live_routes master_gate_open reasons worker_gate_open worker_name'
);
