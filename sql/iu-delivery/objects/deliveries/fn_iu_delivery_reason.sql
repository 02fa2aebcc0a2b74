create or replace function public.fn_iu_delivery_reason(
    state text, delivery public.iu_delivery, parked_behind uuid, refusal text, decided text
)
returns text
language sql stable parallel safe
return (
    case
        when state in ('discarded', 'outside_canary') then decided
        when state = 'dead' then (delivery).dead_reason
        when state = 'parked' then 'behind the dead letter of event ' || parked_behind
        when state in ('held', 'in_doubt', 'queued', 'retry', 'unread') then coalesce(
            refusal,
            case when (delivery).due_at > clock_timestamp() and (delivery).is_head then 'not_due' end,
            case when not (delivery).is_head then 'not_head' end
        )
    end
);
comment on function public.fn_iu_delivery_reason(text, public.iu_delivery, uuid, text, text) is
'Why a delivery is in its state, in one word or a sentence; null if there is nothing to say. The first
refusal, in the order of fn_iu_delivery_refusal, then not_due and not_head. The body is bound at creation and
inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_reason(text, public.iu_delivery, uuid, text, text)', 'internal'
);
