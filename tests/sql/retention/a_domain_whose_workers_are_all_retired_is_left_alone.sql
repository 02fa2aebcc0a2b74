select fn_iu_route_worker_add('shop_worker', 'shop', 'a test');
select emit_old(3, 100, 'shop');
select drain('shop_worker');
select fn_iu_route_worker_retire('shop_worker', 'a test');
select emit_old(2, 100, 'shop');
select keep_days(30);
select same(retain() ->> 'events', '0');
select same(fn_iu_retention_state('shop') ->> 'held_by', 'no worker reads domain shop');
-- Restored events have no transaction id here that could decide.
insert into event_outbox_cluster (system_identifier, restored_seq)
select system_identifier, (select max(event_seq) from event_outbox) from pg_control_system();
select holds(
    fn_iu_retention_stop_seq('shop', 0, 100, 30)
    = (select min(event_seq) from event_outbox where event_domain = 'shop'), 'the first event must stay'
);
