insert into iu_sql_link (sql_object_ref) values ('public.orders');
select same((select count(*) from iu_inbound_capture), 0);
select same((select count(*) from event_outbox), 0);
