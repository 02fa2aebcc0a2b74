select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(5);
select run('iu_outbound_default');
select fn_iu_route_worker_seek('laggard', 'beginning', 'a test');
select keep_days(30);
select same(retain() ->> 'events', '0');
select holds(
    retain() -> 'held_by' ->> 0
    like 'retention is held back by 70 days at event %: worker laggard has not read it', 'named by the run'
);
select holds(
    fn_iu_route_worker_health('iu_outbound_default') -> 'reasons' ->> 0
    like '%worker laggard has not read it', 'named by health'
);
select same(fn_iu_route_worker_health('iu_outbound_default') -> 'healthy', 'true');
select fn_iu_route_worker_seek('laggard', 'latest', 'it is not needed any more');
select same(retain() ->> 'events', '4');
