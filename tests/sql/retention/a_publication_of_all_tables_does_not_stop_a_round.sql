select fn_iu_route_worker_seek('tester', 'beginning', 'a test');
select emit_old(3), emit();
select run();
select keep_days(30);
create publication everything for all tables;
select same(retain() ->> 'events', '3');
select same((select count(*) from iu_route_attempt), 1);
