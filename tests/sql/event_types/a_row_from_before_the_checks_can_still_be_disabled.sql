alter table event_type_registry disable trigger trg_iu_event_type_check;
alter table iu_outbound_route disable trigger trg_iu_route_check;
insert into event_type_registry (event_type, event_domain, event_stream, delivery_lane, payload_keys)
values ('t.old', 'A Domain', '', 'Lane', '{na me}');
insert into iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref)
values ('t.old', 't.old', true, 'carrierpigeon', 'https://ann:s3cret@host');
alter table event_type_registry enable trigger trg_iu_event_type_check;
alter table iu_outbound_route enable trigger trg_iu_route_check;
update event_type_registry set enabled = false where event_type = 't.old';
update iu_outbound_route set enabled = false where route_code = 't.old';
update iu_outbound_route set target_ref = 'https://host' where route_code = 't.old';
select refused($$update iu_outbound_route set target_kind = 'pigeon' where route_code = 't.old'$$, 'IU601');
update iu_outbound_route set target_kind = 'webhook' where route_code = 't.old';
select refused(
    $$update event_type_registry set payload_keys = '{na me,b}' where event_type = 't.old'$$, 'IU104'
);
