create or replace function public.fn_iu_delivery_body(
    event public.event_outbox, delivery_key text, subject uuid, subject_no bigint, replayed boolean
)
returns text
language sql stable parallel safe
return cast(json_build_object(
    'id', delivery_key, 'type', (event).event_type, 'time', (event).created_at,
    'event_id', (event).event_id, 'domain', (event).event_domain, 'stream', (event).event_stream,
    'canonical_address', (event).canonical_address, 'subject_table', (event).event_subject_table,
    'subject_ref', (event).event_subject_ref, 'actor_ref', (event).actor_ref,
    'classification', (event).payload_classification, 'sequence', subject_no, 'replayed', replayed,
    'data', (event).safe_payload
) as text);
comment on function public.fn_iu_delivery_body(public.event_outbox, text, uuid, bigint, boolean) is
'The body of a delivery, as JSON text: references and the safe payload of the event. sequence increases within
a subject; replayed is true for a dead letter that was replayed. The body of the function is bound at creation
and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_body(public.event_outbox, text, uuid, bigint, boolean)',
    'internal'
);
