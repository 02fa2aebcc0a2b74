select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(300, 10);
select emit_old(300, 70);
select run('iu_outbound_default');
select keep_days(30);
select same(retain() ->> 'events', '0');
select holds(
    retain() -> 'held_by' ->> 0
    like 'retention stops at event %: it is dated % later than an event that was emitted after it%', 'named'
);
select keep_days(80);
select same(retain() -> 'held_by', '[]', 'nothing is due');
select keep_days(5);
select same(retain() ->> 'events', '599');
