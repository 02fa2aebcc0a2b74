select emit();
select run();
update iu_route_worker_cursor set anchor_no = 42 where worker_name = 'tester';
select refused($$select run()$$, 'IU501', '%tester%42%', '%fn_iu_route_worker_seek%');
select same(fn_iu_route_worker_health('tester') -> 'healthy', 'false');
select fn_iu_route_worker_seek(
    'tester', (select cursor_event_id::text from iu_route_worker_cursor where worker_name = 'tester'),
    'restored'
);
select emit();
select same(run() ->> 'attempts_written', '1');
select same(attempts(), 2);
