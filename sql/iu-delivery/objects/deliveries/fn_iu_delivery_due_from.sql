create or replace function public.fn_iu_delivery_due_from(route public.iu_delivery_route)
returns timestamptz
language sql stable parallel safe
return (
    case
        when (route).due_checked_at > clock_timestamp() - interval '1 minute' then (route).due_from
        else cast('epoch' as timestamptz)
    end
);
comment on function public.fn_iu_delivery_due_from(public.iu_delivery_route) is
'The time before which no head of a route is due: due_from, or the epoch once a minute, when a claim looks at
all heads again. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_due_from(public.iu_delivery_route)', 'internal'
);
