select fn_iu_route_worker_add('shop_worker', 'shop', 'test');
select emit_old(3, 100, 'shop');
select drain('shop_worker');
select fn_iu_cursor_make('live:7', 'shop', 'delivery');
update iu_route_worker_cursor as c
set (consumed_snapshot, anchor_no, anchor_key) = (
    select w.consumed_snapshot, w.anchor_no, w.anchor_key
    from iu_route_worker_cursor as w where w.worker_name = 'shop_worker'
)
where c.worker_name = 'live:7';
select fn_iu_route_worker_retire('shop_worker', 'test');
select keep_days(30);
select same((retain() ->> 'events')::int, 0);
select same(fn_iu_retention_state('shop') ->> 'held_by', 'no worker reads domain shop');
select holds(
    fn_iu_retention_stop_seq('shop', 0, 100, 30)
    = (select min(event_seq) from event_outbox where event_domain = 'shop'), 'the first event must stay'
);
