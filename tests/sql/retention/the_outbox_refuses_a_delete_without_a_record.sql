select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(4);
select run('iu_outbound_default');
select keep_days(30);
select refused('delete from event_outbox', 'IU203');
select refused('delete from iu_route_attempt_log', 'IU203');
