select emit_many(3);
select keep('last', (select event_id::text from event_outbox order by event_seq desc limit 1));
select same(
    fn_iu_route_worker_seek('tester', 'latest', 'skip the past') - 'cursor_created_at',
    jsonb_build_object(
        'status', 'sought', 'worker_name', 'tester', 'position', 'latest', 'from_event_id', null,
        'cursor_event_id', kept('last')
    )
);
select same(run() ->> 'seen', '0');
select emit(subject => 9);
select same(run() ->> 'seen', '1');
