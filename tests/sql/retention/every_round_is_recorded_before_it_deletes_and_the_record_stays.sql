select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(4);
select run('iu_outbound_default');
select keep(
    'ids',
    (
        select string_agg(replace(event_id::text, '-', ''), '' order by event_seq)
        from (select * from event_outbox order by event_seq limit 3) as o
    )
);
select keep('last', (select event_seq::text from event_outbox order by event_seq offset 2 limit 1));
select keep_days(30);
select retain();
select same(
    array[h.events, h.attempts, h.to_seq, h.retention_days]::text [], array['3', '3', kept('last'), '30']
) from iu_retention_history as h;
select same(events_hash, sha256(decode(kept('ids'), 'hex'))) from iu_retention_history;
select same((reason, dropped_by)::text, ('a test', session_user)::text) from iu_retention_history;
select refused('update iu_retention_history set events = 1', 'IU203');
select refused('delete from iu_retention_history', 'IU203');
select refused('update event_outbox set actor_ref = ''x''', 'IU203');
select refused('truncate event_outbox', 'IU203');
select refused('truncate iu_route_attempt_log', 'IU203');
select refused('delete from iu_route_batch', 'IU203');
