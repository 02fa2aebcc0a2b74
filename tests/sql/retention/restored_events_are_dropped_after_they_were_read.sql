select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit_old(3);
alter table event_outbox disable trigger all;
update event_outbox set emitted_xid = '900000000000';
alter table event_outbox enable trigger all;
insert into event_outbox_cluster (system_identifier, restored_seq)
select system_identifier, (select max(event_seq) from event_outbox) from pg_control_system();
select keep_days(30);
select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'restored');
select same(retain() ->> 'events', '0');
select run('iu_outbound_default');
select same(retain() ->> 'events', '2');
