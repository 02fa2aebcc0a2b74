select same(
    (
        select length(o.canonical_address) + length(o.actor_ref) from event_outbox as o
        where o.event_id = fn_iu_emit_event('version_applied', repeat('ä', 1000), subject(), repeat('x', 200), '{}')
    ), null, 'the statement that emits does not see its own row yet'
);
select same((select max(length(canonical_address)) from event_outbox), 1000);
