select emit();
select run();
update iu_outbound_route set target_ref = 'elsewhere' where route_code = 'iu.version_applied.workflow';
select emit();
select run();
select same(
    (select string_agg(target_ref, ',' order by attempt_id) from iu_route_attempt), 'event_outbox,elsewhere'
);
