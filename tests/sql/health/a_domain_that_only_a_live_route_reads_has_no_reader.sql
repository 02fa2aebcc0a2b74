select fn_iu_cursor_make('live:7', 'shop', 'delivery');
select emit_old(2, 1, 'shop');
select same((select (event_domain, unread_events)::text from fn_iu_unread_domains()), '(shop,2)');
select run();
update iu_route_worker_cursor set retired_at = now() where worker_name = 'tester';
select same((select count(*) from fn_iu_cursors() where worker_name like 'live:%'), 0);
