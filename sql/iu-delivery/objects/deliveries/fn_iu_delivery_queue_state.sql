create or replace function public.fn_iu_delivery_queue_state(
    delivery public.iu_delivery, is_parked boolean, refusal text
)
returns text
language sql stable parallel safe
return (
    case
        when (delivery).dead_at is not null then 'dead'
        when is_parked then 'parked'
        when (delivery).claim_id is not null and (delivery).due_at > clock_timestamp() then 'in_flight'
        when (delivery).claim_id is not null then 'in_doubt'
        when refusal is not null then 'held'
        when (delivery).failures > 0 or (delivery).due_at > clock_timestamp() then 'retry'
        else 'queued'
    end
);
comment on function public.fn_iu_delivery_queue_state(public.iu_delivery, boolean, text) is
'The state of a delivery that is not settled: dead, parked, in_flight, in_doubt, held, retry or queued.
is_parked: a dead letter of its subject is before it. refusal: what fn_iu_delivery_refusal says about its
route. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_queue_state(public.iu_delivery, boolean, text)',
    'internal'
);
