insert into event_outbox (event_domain, event_type, event_stream, delivery_lane)
select 'knowledge', 'document_indexed', 'update', 'batch' from generate_series(1, 156230 - 68);
select emit_many(68, 'sql_link_created');
select run('baseline');
select same((select count(*) from event_outbox), 156230, 'E.9 baseline');
select same((select count(*) from iu_route_attempt), 68, 'E.9 baseline');
select same((select count(*) from iu_route_dead_letter), 0, 'E.9 baseline');
select fn_iu_route_worker_seek('iu_demo_e_worker', 'latest', 'sees only the emitted event');
select keep('event', fn_iu_emit_event(
    'structure_piece_split', 'TEST/iu-demo/brick-gamma', 'bc79ab1c-0000-4000-8000-000000000000',
    'iu_demo_harness',
    '{"note": "refs-only: no body, no secret, no vector", "reason": "A-F demo", "child_count": 2,
      "child_refs": ["TEST/iu-demo/brick-gamma-1", "TEST/iu-demo/brick-gamma-2"]}'
)::text);
select same(
    (
        select jsonb_build_array(
            event_type, event_stream, delivery_lane, payload_classification, event_subject_table, actor_ref,
            safe_payload
        )
        from event_outbox where event_id = kept('event')::uuid
    ),
    '["structure_piece_split", "update", "immediate", "safe_metadata", "information_unit", "iu_demo_harness",
      {"note": "refs-only: no body, no secret, no vector", "reason": "A-F demo", "child_count": 2,
       "child_refs": ["TEST/iu-demo/brick-gamma-1", "TEST/iu-demo/brick-gamma-2"]}]', 'E.3'
);
select same(
    (
        select jsonb_build_array(enabled, dry_run, target_kind, target_ref) from iu_outbound_route
        where route_code = 'iu.structure_piece_split.workflow'
    ),
    '[true, true, "workflow", "event_outbox"]', 'E.4'
);
select same(
    run('iu_demo_e_worker', 10) - 'cursor_created_at' - 'batch_id',
    jsonb_build_object(
        'status', 'ran', 'seen', 1, 'attempts_written', 1, 'skipped', 0, 'dead_lettered', 0,
        'cursor_event_id', kept('event')
    ), 'E.5'
);
select same(
    (
        select jsonb_build_array(route_code, status, error_code, delivered, target_ref) from iu_route_attempt
        where event_id = kept('event')::uuid
    ), '["iu.structure_piece_split.workflow", "dry_run", null, false, "event_outbox"]', 'E.5'
);
insert into iu_route_dead_letter (event_id, worker_name, route_code, idempotency_key, event_snapshot)
select kept('event')::uuid, 'iu_demo_e_worker', l.route_code, l.idempotency_key,
    jsonb_build_object('event_id', kept('event'))
from (values
    ('iu_demo:dlq:unrouted', 'iu.test_iu_demo.unrouted'),
    ('iu_demo:dlq:dryrun', 'iu.structure_piece_split.workflow')
) as l (idempotency_key, route_code);
select holds(
    (
        select fn_iu_route_dead_letter_replay(dead_letter_id) from iu_route_dead_letter
        where idempotency_key = 'iu_demo:dlq:unrouted'
    )
    @> '{"status": "replayed", "decision": "skipped", "resolved": false}', 'E.6'
);
select same(
    (
        select attempts || coalesce(resolution, ' unresolved') from iu_route_dead_letter
        where idempotency_key = 'iu_demo:dlq:unrouted'
    ), '2 unresolved', 'E.6'
);
select holds(
    (
        select fn_iu_route_dead_letter_replay(dead_letter_id) from iu_route_dead_letter
        where idempotency_key = 'iu_demo:dlq:dryrun'
    )
    @> '{"status": "replayed", "decision": "dry_run", "resolved": true}', 'E.6'
);
select same(
    (
        select attempts || ' ' || resolution from iu_route_dead_letter
        where idempotency_key = 'iu_demo:dlq:dryrun'
    ), '2 replayed', 'E.6'
);
select same(
    (
        select regexp_replace(pg_get_triggerdef(oid), 'public\.', '', 'g') from pg_trigger
        where tgname = 'trg_iu_sql_in_iu_sql_link'
    ),
    'CREATE TRIGGER trg_iu_sql_in_iu_sql_link AFTER INSERT ON iu_sql_link '
    'FOR EACH ROW EXECUTE FUNCTION fn_iu_sql_link_inbound_capture()', 'E.7'
);
select same(
    (
        select target_event_type || ' ' || enabled || ' ' || dry_run from iu_inbound_route
        where route_code = 'iu_sql.iu_sql_link.insert'
    ), 'sql_link_created false true', 'E.7'
);
select same((select value from dot_config where key = 'iu_core.delivery_enabled'), 'false', 'E.8');
select same((select value from dot_config where key = 'iu_core.delivery_live_routes'), '', 'E.8');
select same((select value from dot_config where key = 'queue.job_substrate.enabled'), 'false', 'E.8');
select same(
    (
        select count(*) from iu_route_attempt
        where event_id = kept('event')::uuid and (delivered or decision not in ('dry_run', 'skipped'))
    ), 0, 'E.8'
);
select same((select count(*) from iu_outbound_route where not dry_run), 0, 'E.8');
select same((select count(*) from event_outbox), 156231, 'E.9 in-tx');
select same((select count(*) from iu_route_attempt), 71, 'E.9 in-tx');
select same((select count(*) from iu_route_dead_letter), 2, 'E.9 in-tx');
select same(
    (select count(*) from iu_route_worker_cursor where worker_name = 'iu_demo_e_worker'), 1, 'E.9 in-tx'
);
