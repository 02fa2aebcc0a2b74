create or replace function public.fn_iu_delivery_plan_summary(
    plan_no int, kind text, out routes jsonb, out drain_seconds double precision
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_agg(c.route_code order by c.route_code), '[]'),
        max(greatest(
            60 * c.entries / c.of_promotion::double precision,
            60 * c.of_the_target / c.of_target::double precision
        )) filter (where kind <> 'discard')
    from (
        select r.route_code, e.entries, p.max_per_minute as of_promotion, t.max_per_minute as of_target,
            sum(e.entries) over (partition by r.target_no) as of_the_target
        from (
            select n.route_no, count(*) as entries from public.iu_delivery_plan_entry as n
            where n.plan_no = fn_iu_delivery_plan_summary.plan_no group by n.route_no
        ) as e
        inner join public.iu_delivery_route as r on r.route_no = e.route_no
        inner join public.iu_delivery_target as t on t.target_no = r.target_no
        left join public.iu_route_promotion as p on p.promotion_no = r.promotion_no
    ) as c
$$;
comment on function public.fn_iu_delivery_plan_summary(int, text) is
'The codes of the routes of a plan, as an array, and how long its deliveries need at the rates of their
targets and promotions; null without a rate, and for a discard. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_plan_summary(int, text)', 'internal'
);
