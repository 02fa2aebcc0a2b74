create or replace function public.fn_iu_promotion_cluster(given public.iu_route_promotion)
returns public.iu_route_promotion
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_difference constant text := (select s.difference from public.fn_iu_cluster_state(null) as s);
begin
    if v_difference is not null then
        perform public.fn_iu_promotion_refuse(
            'cluster', v_difference, 'an outbox with an anchor of this cluster: seek its workers first'
        );
    end if;
    given.system_identifier := (select c.system_identifier from pg_control_system() as c);
    given.anchor_key := (public.fn_iu_cluster_newest()).anchor_key;
    return given;
end
$$;
comment on function public.fn_iu_promotion_cluster(public.iu_route_promotion) is
'A proposal with the cluster and the newest anchor of the outbox. Raises IU205 if the outbox came from another
cluster and has no anchor of this one. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_cluster(public.iu_route_promotion)', 'internal'
);
