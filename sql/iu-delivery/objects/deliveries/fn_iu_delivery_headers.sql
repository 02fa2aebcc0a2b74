create or replace function public.fn_iu_delivery_headers(
    event public.event_outbox, delivery_key text, attempt_no int
)
returns json
language sql stable parallel safe
return json_build_object(
    'content-type', 'application/json', 'webhook-id', delivery_key, 'ce-specversion', '1.0',
    'ce-id', delivery_key, 'ce-type', (event).event_type, 'ce-source', '/' || (event).event_domain,
    'ce-subject', (event).canonical_address, 'ce-time', (event).created_at, 'iu-attempt', attempt_no
);
comment on function public.fn_iu_delivery_headers(public.event_outbox, text, int) is
'The headers of a delivery that do not depend on a secret: the id of Standard Webhooks, and the attributes of
CloudEvents 1.0 in binary mode. The sender adds the signature. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_headers(public.event_outbox, text, int)', 'internal'
);
