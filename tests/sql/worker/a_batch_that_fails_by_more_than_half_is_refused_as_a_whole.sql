select make_live();
select emit_many(20);
select keep('cursors', (select count(*)::text from iu_route_worker_cursor));
select refused($$select run()$$, 'IU302', '%20 of 20%');
select same(attempts(), 0);
select same((select count(*) from iu_route_dead_letter), 0);
select same((select count(*)::text from iu_route_worker_cursor), kept('cursors'));
