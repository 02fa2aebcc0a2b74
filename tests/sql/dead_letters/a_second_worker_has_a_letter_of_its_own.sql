select keep('event', emit()::text);
select make_live();
select run('one');
select run('two');
select same((select string_agg(worker_name, ',' order by worker_name) from iu_route_dead_letter), 'one,two');
