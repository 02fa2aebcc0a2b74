select emit();
select run();
select refused($$update iu_route_attempt_log set decision = 'sent'$$, 'IU203', '%iu_route_attempt_log%');
select refused($$delete from iu_route_attempt_log$$, 'IU203');
select refused($$truncate iu_route_attempt_log$$, 'IU203');
select refused($$update iu_route_attempt set decision = 'sent'$$, '55000');
select refused($$delete from iu_route_attempt$$, '55000');
select refused($$insert into iu_route_attempt (event_id) values (gen_random_uuid())$$, '55000');
