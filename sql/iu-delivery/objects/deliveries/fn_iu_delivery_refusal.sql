create or replace function public.fn_iu_delivery_refusal(given public.iu_delivery_route)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_kind constant text := (
        select t.kind from public.iu_delivery_target as t where t.target_no = given.target_no
    );
begin
    return coalesce(
        public.fn_iu_delivery_gates_refusal(given.route_code, v_kind, public.fn_iu_delivery_gates()),
        public.fn_iu_delivery_route_refusal(given)
    );
end
$$;
comment on function public.fn_iu_delivery_refusal(public.iu_delivery_route) is
'Why nothing of a live route is claimed now, in one word; null if due heads are. The first that refuses:
master gate, delivery gate, list of live routes (not_listed), gate of jobs (fn_iu_delivery_gates_refusal),
then promotion, target, breaker and rates (fn_iu_delivery_route_refusal). Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_refusal(public.iu_delivery_route)', 'internal'
);
