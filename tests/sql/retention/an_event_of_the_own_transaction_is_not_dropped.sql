select fn_iu_route_worker_seek('iu_outbound_default', 'beginning', 'a test');
select emit();
select emit();
select run('iu_outbound_default');
alter table event_outbox disable trigger all;
update event_outbox set created_at = created_at - interval '100 days';
alter table event_outbox enable trigger all;
select keep_days(30);
select same(retain() ->> 'events', '0');
