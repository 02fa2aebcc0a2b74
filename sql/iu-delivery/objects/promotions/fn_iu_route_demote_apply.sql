create or replace function public.fn_iu_route_demote_apply(route_no int, reason text, automatic boolean)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    perform public.fn_iu_delivery_route_hold(route_no, 'demoted');
end
$$;
comment on function public.fn_iu_route_demote_apply(int, text, boolean) is 'Demotes a live route.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_route_demote_apply(int, text, boolean)', 'internal'
);
