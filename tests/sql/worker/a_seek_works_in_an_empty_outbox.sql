select same(fn_iu_route_worker_seek('tester', 'latest', 'x') -> 'cursor_event_id', 'null');
select emit();
select same(run() ->> 'seen', '1');
select same(fn_iu_route_worker_seek('other', 'beginning', 'x') ->> 'status', 'sought');
select same(run('other') ->> 'seen', '1');
