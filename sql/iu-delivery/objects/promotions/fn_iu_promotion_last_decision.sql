create or replace function public.fn_iu_promotion_last_decision(route_no int)
returns int
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select max(d.decision_no) from public.iu_route_promotion_decision as d
    inner join public.iu_route_promotion as p on p.promotion_no = d.promotion_no
    where p.route_no = fn_iu_promotion_last_decision.route_no and d.decision in ('approve', 'demote')
$$;
comment on function public.fn_iu_promotion_last_decision(int) is
'The number of the last approval or demotion of a route; null if there is none. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_last_decision(int)', 'internal'
);
