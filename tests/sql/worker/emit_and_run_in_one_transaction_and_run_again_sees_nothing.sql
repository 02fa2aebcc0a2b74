select emit();
select same(
    run() - 'batch_id' - 'cursor_event_id' - 'cursor_created_at',
    '{"status": "ran", "seen": 1, "attempts_written": 1, "skipped": 0, "dead_lettered": 0}'
);
select same(run() ->> 'seen', '0');
select same(attempts(), 1);
