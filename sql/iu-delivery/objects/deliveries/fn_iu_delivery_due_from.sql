create or replace function public.fn_iu_delivery_due_from(
    given public.iu_delivery_route, unseen_from timestamptz
)
returns timestamptz
language sql stable parallel safe
return (
    case
        when (given).due_checked_at > statement_timestamp() - interval '1 minute'
            then least((given).due_from, unseen_from)
        else cast('epoch' as timestamptz)
    end
);
comment on function public.fn_iu_delivery_due_from(public.iu_delivery_route, timestamptz) is
'The time before which no head of a route is due: due_from, or the start of the first batch after
due_batch_id, unseen_from, if that is earlier; the epoch once a minute, when a claim looks at all heads again.
The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_due_from(public.iu_delivery_route, timestamptz)', 'internal'
);
