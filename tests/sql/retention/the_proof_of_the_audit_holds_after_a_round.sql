select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(5);
select same(drain('iu_outbound_default', 2), '2,2,1,0');
select emit_many(2);
select run('iu_outbound_default');
select keep_days(30);
select same(retain() ->> 'events', '5');
select same(fn_iu_audit_attempts_verify('iu_outbound_default') -> 'fault', 'null');
select same(fn_iu_audit_chain_verify('iu_outbound_default') -> 'fault', 'null');
select same(fn_iu_audit_replays_misfit(), null);
select same(count(*), 0::bigint) from iu_route_worker_cursor as c
cross join lateral fn_iu_cursor_unattempted(c, 100);
select same(sum(attempts), 7::numeric, 'the tally counts what was ever attempted')
from iu_route_attempt_tally;
alter table iu_route_attempt_log disable trigger all;
delete from iu_route_attempt_log as a
where a.event_id = (select event_id from event_outbox order by event_seq desc limit 1);
select holds(
    fn_iu_audit_attempts_verify('iu_outbound_default') ->> 'fault' like 'batch % has 1 attempts%',
    'what retention did not take is missed'
);
