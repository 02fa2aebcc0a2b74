select emit_many(6);
select run(batch_limit => 2);
select fn_iu_route_worker_seek('tester', 'latest', 'enough');
select same(run() ->> 'seen', '0');
select fn_iu_route_worker_seek('tester', 'beginning', 'from the start');
select run(batch_limit => 4);
select fn_iu_route_worker_seek('tester', 'beginning', 'once more');
select same(drain(batch_limit => 5), '5,1,0');
select same(attempts(), 6);
