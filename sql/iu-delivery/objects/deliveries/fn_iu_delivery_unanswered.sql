create or replace function public.fn_iu_delivery_unanswered(
    given public.iu_delivery_route, sent bigint, is_closed boolean
)
returns int
language sql stable parallel safe
return (
    case
        when is_closed and sent > 0 and (given).unanswered_since < statement_timestamp() - interval '1 second'
            then (given).unanswered
        else 0
    end
);
comment on function public.fn_iu_delivery_unanswered(public.iu_delivery_route, bigint, boolean) is
'How many of the unanswered sends of a route are failures now: all of them if the breaker is closed and the
target accepted a delivery at least a second after the first of them, otherwise none. The body is bound at
creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function',
    'public.fn_iu_delivery_unanswered(public.iu_delivery_route, bigint, boolean)', 'internal'
);
