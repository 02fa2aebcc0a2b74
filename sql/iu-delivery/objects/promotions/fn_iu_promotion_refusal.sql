create or replace function public.fn_iu_promotion_refusal(given public.iu_delivery_route, deployment text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_misfit text;
begin
    v_misfit := (
        select public.fn_iu_promotion_misfit(
            given, p, r.route_version, t.target_version,
            public.fn_iu_promotion_configuration(given.event_type), public.fn_iu_promotion_anchor(),
            deployment, clock_timestamp()
        )
        from (select) as one
        left join public.iu_route_promotion as p on p.promotion_no = given.promotion_no
        left join public.iu_outbound_route as r on r.route_no = given.route_no and r.enabled
        left join public.iu_delivery_target as t on t.target_no = given.target_no
    );
    return case
        when v_misfit = 'route_changed' and not exists (
            select from public.iu_outbound_route as r where r.route_no = given.route_no
        ) then 'route_removed'
        else v_misfit
    end;
end
$$;
comment on function public.fn_iu_promotion_refusal(public.iu_delivery_route, text) is
'Why the promotion of a live route is not valid now, in one word (fn_iu_promotion_misfit); null if it is.
For a route that was removed it is route_removed, not route_changed. deployment is what the caller presents.
Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_refusal(public.iu_delivery_route, text)', 'internal'
);
