select fn_iu_route_worker_add('shop_worker', 'shop', 'a test');
select emit_old(3, 100, 'shop');
select keep_days(30);
select same(retain() ->> 'events', '0', 'nothing is read');
select run('shop_worker');
select same(retain() ->> 'events', '2');
select same((select string_agg(distinct event_domain, ',') from iu_retention_history), 'shop');
