update iu_outbound_route set enabled = false;
select emit();
select emit('sql_link_created');
select same(
    run() - 'cursor_event_id' - 'cursor_created_at' - 'batch_id',
    '{"status": "ran", "seen": 2, "attempts_written": 2, "skipped": 2, "dead_lettered": 0}'
);
select same(
    (
        select jsonb_agg(distinct jsonb_build_array(decision, route_code, target_kind, error_code, delivered))
        from iu_route_attempt
    ),
    '[["skipped", null, null, null, false]]'::jsonb
);
