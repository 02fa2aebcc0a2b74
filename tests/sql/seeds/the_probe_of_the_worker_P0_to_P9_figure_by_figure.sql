select same((select count(*) from event_outbox where event_domain = 'iu'), 0, 'P0 iu_events');
select same((select count(*) from iu_route_attempt), 0, 'P0 attempts');
select same((select count(*) from iu_route_dead_letter), 0, 'P0 dead_letters');
select fn_iu_gate_set('iu_core.route_worker_enabled', 'false', 'P1');
select same(run('iu_outbound_default', 100) ->> 'status', 'worker_gate_closed', 'P1');
select fn_iu_gate_set('iu_core.route_worker_enabled', 'true', 'P2');
select keep('event', emit('version_applied', '{"version_seq": 2}')::text);
select holds(run('iu_outbound_default', 100) @> '{"seen": 1, "attempts_written": 1}', 'P2');
select same(
    (select jsonb_build_array(status, decision, delivered) from iu_route_attempt),
    '["dry_run", "dry_run", false]', 'P2'
);
select same(
    (select cursor_event_id from iu_route_worker_cursor where worker_name = 'iu_outbound_default'),
    kept('event')::uuid, 'P2 cursor'
);
select holds(run('iu_outbound_default', 100) @> '{"seen": 0, "attempts_written": 0}', 'P3');
select same((select count(*) from iu_route_attempt), 1, 'P3');
select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'P4');
select holds(run('iu_outbound_default', 100) @> '{"seen": 1, "attempts_written": 0}', 'P4');
select same((select count(*) from iu_route_attempt), 1, 'P4');
select holds(
    fn_iu_route_worker_health()
    @> '{"worker_gate_open": true, "master_gate_open": true, '
    '"attempts_in_audit": 1, "dead_letter_open": 0, "healthy": true}', 'P5'
);
select make_live();
select holds(run('probe_fresh', 100) @> '{"dead_lettered": 1, "attempts_written": 1}', 'P6');
select holds(fn_iu_route_worker_health() @> '{"failed_attempts": 1, "delivered_sent": 0}', 'P6');
select same((select failure_code from iu_route_dead_letter), 'worker_process_error', 'P6');
select holds(
    (select fn_iu_route_dead_letter_replay(dead_letter_id) from iu_route_dead_letter)
    @> '{"decision": "failed", "resolved": false, "attempt_no": 2}', 'P7'
);
update iu_outbound_route set dry_run = true;
select holds(
    (select fn_iu_route_dead_letter_replay(dead_letter_id) from iu_route_dead_letter)
    @> '{"decision": "dry_run", "resolved": true, "attempt_no": 3}', 'P7'
);
select fn_iu_gate_set('iu_core.routes_enabled', 'false', 'P8');
select same(run('iu_outbound_default', 100) ->> 'status', 'master_gate_closed', 'P8');
select same((select count(*) from event_outbox where event_domain = 'iu'), 1, 'P9 iu_events');
select same((select count(*) from iu_route_attempt), 4, 'P9 attempts');
select same((select count(*) from iu_route_dead_letter), 1, 'P9 dead_letters');
