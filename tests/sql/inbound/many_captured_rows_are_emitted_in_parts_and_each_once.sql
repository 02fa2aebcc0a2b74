select shop();
select capture('update', '{"changes": ["status"]}');
insert into shop.orders select n, 'open' from generate_series(1, 12001) as n;
update shop.orders set status = 'paid';
select same(
    (
        select count(*) || ' ' || count(distinct source_key) || ' ' || count(distinct event_id)
        from iu_inbound_capture
    ), '12001 12001 12001'
);
select holds(
    bool_and(o.canonical_address = 'orders/' || c.source_key and o.event_subject_ref = c.source_ref), 'each'
)
from iu_inbound_capture as c inner join event_outbox as o using (event_id);
