select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(5);
select run('iu_outbound_default');
select run('tester', 2);
select keep_days(30);
select same((retain() ->> 'events')::int, 1);
select holds(fn_iu_route_worker_health('tester') -> 'reasons' ->> 0 like '%held back by 70 days%worker % stands on it%' or
    jsonb_array_length(fn_iu_route_worker_health('tester') -> 'reasons') = 0, 'the event it stands on is nobody''s fault');
select run('tester', 1);
select same((retain() ->> 'events')::int, 1);
select drain('tester');
select same((retain() ->> 'events')::int, 2);
select same(count(*), 1::bigint, 'the newest stays for the cursors that stand on it') from event_outbox;
