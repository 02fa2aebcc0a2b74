select shop();
select capture('insert', dry_run => true, address => '{note}');
insert into shop.orders (id, status, note) values (1, 'a', 'fine'), (2, 'b', null);
select same(
    (select string_agg(source_key || ' ' || decision, ', ' order by capture_id) from iu_inbound_capture),
    '1 dry_run, 2 refused'
);
select same((select count(*) from event_outbox), 0::bigint);
