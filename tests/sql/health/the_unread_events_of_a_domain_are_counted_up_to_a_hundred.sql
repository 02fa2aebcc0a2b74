insert into event_outbox (event_id, event_type, event_domain)
select gen_random_uuid(), 'page', 'kb' from generate_series(1, 100);
select same((select to_jsonb(d) - 'event_domain' from fn_iu_unread_domains() as d),
    '{"event_types": 0, "unread_events": 100, "unread_events_capped": false}');
insert into event_outbox (event_id, event_type, event_domain) values (gen_random_uuid(), 'page', 'kb');
select same((select to_jsonb(d) - 'event_domain' from fn_iu_unread_domains() as d),
    '{"event_types": 0, "unread_events": 100, "unread_events_capped": true}');
select holds(
    fn_iu_route_worker_health() -> 'reasons' ->> 0 like '%, unread events: more than 100', 'the sentence'
);
insert into event_outbox (event_id, event_type, event_domain)
select gen_random_uuid(), 'page', 'kb' || n from generate_series(1, 20) as n;
select same((select count(*) from fn_iu_unread_domains()), 10);
