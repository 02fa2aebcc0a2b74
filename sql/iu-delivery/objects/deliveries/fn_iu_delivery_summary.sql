create or replace function public.fn_iu_delivery_summary(
    status text, reason text, route public.iu_delivery_route, batch public.iu_delivery_batch
)
returns jsonb
language sql stable parallel safe
return jsonb_build_object(
    'status', status, 'reason', reason, 'seen', coalesce((batch).seen, 0),
    'queued', coalesce((batch).queued, 0), 'passed_over', coalesce((route).passed_count, 0),
    'outside_canary', coalesce((batch).outside_canary, 0), 'batch_id', (batch).batch_id
);
comment on function public.fn_iu_delivery_summary(
    text, text, public.iu_delivery_route, public.iu_delivery_batch
) is
'The answer of fn_iu_delivery_enqueue. passed_over is what the first promotion of the route passed over.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_summary(text, text, public.iu_delivery_route, public.iu_delivery_batch)',
    'internal'
);
