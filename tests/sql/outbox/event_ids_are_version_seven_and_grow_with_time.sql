select emit_many(50);
select same((select count(*) from event_outbox where substr(event_id::text, 15, 1) <> '7'), 0);
select same(
    (select count(*) from event_outbox where substr(event_id::text, 20, 1) not in ('8', '9', 'a', 'b')), 0
);
select holds(
    abs(
        extract(epoch from clock_timestamp()) * 1000
        - ('x' || left(replace(max(event_id::text), '-', ''), 12))::bit(48)::bigint
    ) < 60000,
    'an id begins with its time'
) from event_outbox;
