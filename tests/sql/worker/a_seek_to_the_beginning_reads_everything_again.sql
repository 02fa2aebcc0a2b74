select emit_many(3);
select run();
select fn_iu_route_worker_seek('tester', 'beginning', 'again');
select same(fn_iu_route_worker_health('tester') ->> 'backlog', '3');
select same(fn_iu_route_worker_health('tester') -> 'cursor_event_id', 'null');
select same(drain(batch_limit => 2), '2,1,0');
select same(attempts(), 3);
