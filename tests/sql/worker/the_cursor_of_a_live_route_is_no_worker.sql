select keep('live', 'live:' || fn_iu_name_intern('iu.version_applied.workflow'));
select refused('select fn_iu_cursor_make(''live:1'', ''iu'', ''audit'')', '23514');
select refused('select fn_iu_cursor_make(''a'', ''iu'', ''delivery'')', '23514');
select refused('select fn_iu_cursor_lock(''live:1'')', '23514');
select same((fn_iu_cursor_make(kept('live'), 'iu', 'delivery')).cursor_kind, 'delivery');
select run(), run('iu_outbound_default');
select keep('status', (select string_agg(worker_name, ' ' order by worker_name) from fn_iu_workers_status()));
select same(kept('status'), 'iu_outbound_default tester');
select same((select string_agg(worker_name, ' ') from fn_iu_cursors()), 'tester iu_outbound_default');
select same(count(*), 0::bigint, 'its creation is no change of the configuration')
from iu_config_history where name = kept('live');
select emit_many(3), emit_old(2, 1);
select drain(), drain('iu_outbound_default');
select same(fn_iu_event_type_waiting('version_applied', 10), 0);
select same((select fn_iu_attempts_conservation(kept('live'), 100)::text), '(0,0,0)');
-- As if the module had read the events and kept a hash of its own.
update iu_route_worker_cursor as c set
    (consumed_snapshot, window_snapshot, position_seq, read_seq, own_xid, own_position_seq, last_run_at) = (
        select w.consumed_snapshot, w.window_snapshot, w.position_seq, w.read_seq, w.own_xid,
            w.own_position_seq, w.last_run_at
        from iu_route_worker_cursor as w where w.worker_name = 'tester'
    ),
    last_batch_hash = '\x01'
where c.worker_name = kept('live');
select same((select fn_iu_attempts_conservation(kept('live'), 100)::text), '(0,0,0)', 'it has no attempts');
select same(fn_iu_audit_chain_verify(kept('live')) ->> 'fits', 'true');
select same(count(*), 0::bigint) from fn_iu_batches_after('{}', 100) where worker_name = kept('live');
