select shop();
select capture('insert', address => '{note}', code => 'strict');
select refused(
    $$insert into shop.orders (id, status) values (1, 'a')$$, 'IU104', '%canonical_address is null%', '%'
);
update iu_inbound_route set on_error = 'skip_and_count' where route_code = 'strict';
insert into shop.orders (id, status, note) values (1, 'a', 'fine'), (2, 'b', null), (3, 'c', 'fine too');
select same(
    (select string_agg(concat_ws(' ', source_key, decision, error_code), ', ' order by capture_id)
    from iu_inbound_capture),
    '1 emitted, 2 refused IU104, 3 emitted'
);
select same(
    (select string_agg(canonical_address || ' ' || source_key, ', ' order by event_seq) from event_outbox
    inner join iu_inbound_capture using (event_id)),
    'fine 1, fine too 3'
);
