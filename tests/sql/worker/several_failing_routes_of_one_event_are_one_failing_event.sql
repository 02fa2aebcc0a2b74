insert into iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
select 't.' || n, 'structure_piece_split', true, 'workflow', 'x' from generate_series(1, 30) as n;
alter table iu_outbound_route drop constraint dry_run_is_enforced;
update iu_outbound_route set dry_run = false where event_type = 'structure_piece_split';
select emit_many(19);
select emit('structure_piece_split');
select same(
    run() - 'batch_id' - 'cursor_event_id' - 'cursor_created_at',
    '{"status": "ran", "seen": 20, "attempts_written": 50, "skipped": 0, "dead_lettered": 31}'
);
