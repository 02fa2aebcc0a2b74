select emit_many(7);
select same(drain(batch_limit => 3), '3,3,1,0');
select same(attempts(), 7);
select same(
    (
        select array_agg(o.event_seq order by a.attempt_id) = array_agg(o.event_seq order by o.event_seq)
        from iu_route_attempt as a inner join event_outbox as o using (event_id)
    ), true
);
