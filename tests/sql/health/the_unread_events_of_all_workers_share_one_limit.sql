select fn_iu_route_worker_add('w' || n, 'iu', 'test') from generate_series(1, 10) as n;
select emit_many(300);
select same((select max(backlog) from fn_iu_workers_status(2200)), 200, 'eleven workers, 200 events of each');
select same((select bool_and(backlog_capped) from fn_iu_workers_status(2200)), true);
select same((select min(backlog) from fn_iu_workers_status(1)), 100, 'never fewer than 100');
select same((select min(backlog) from fn_iu_workers_status(null)), 100);
select same((select bool_or(backlog_capped) from fn_iu_workers_status()), false);
