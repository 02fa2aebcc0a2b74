select same((select value from dot_config where key = 'iu_core.route_worker_enabled'), 'true', 'L1');
select same((select value from dot_config where key = 'iu_core.routes_enabled'), 'true', 'L2');
select same(
    (select enabled and dry_run from iu_outbound_route where route_code = 'iu.version_applied.workflow'),
    true, 'L3'
);
select refused($$update iu_outbound_route set dry_run = false$$, '23514', '%dry_run_is_enforced%');
select refused($$select fn_iu_route_deliver(gen_random_uuid(), 'iu.version_applied.workflow')$$, 'IU201');
select same(
    (
        select last_run_at is not null and cursor_event_id is null and cursor_created_at is null
        from iu_route_worker_cursor where worker_name = 'iu_outbound_default'
    ), true, 'L6'
);
select same((select count(*) from iu_route_attempt), 0, 'L7 attempts');
select same((select count(*) from iu_route_dead_letter), 0, 'L7 letters');
select same(fn_iu_route_worker_health() -> 'healthy', 'true', 'L8');
select same(fn_iu_route_worker_health() -> 'worker_gate_open', 'true', 'L8');
select same(fn_iu_route_worker_health() ->> 'backlog', '0', 'L9');
