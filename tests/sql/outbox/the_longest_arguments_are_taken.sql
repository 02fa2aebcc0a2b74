select fn_iu_emit_event('version_applied', repeat('ä', 1000), subject(), repeat('x', 200), '{}');
select same((select length(canonical_address) + length(actor_ref) from event_outbox), 1200);
