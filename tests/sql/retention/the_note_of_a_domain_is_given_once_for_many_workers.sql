select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(3);
select run('iu_outbound_default');
select fn_iu_route_worker_seek('laggard.' || n, 'beginning', 'a test') from generate_series(1, 5) as n;
select keep_days(30);
select same(jsonb_array_length(retain() -> 'held_by'), 1);
select holds(retain() -> 'held_by' ->> 0 like '%worker laggard.1 has not read it', 'the first by name');
