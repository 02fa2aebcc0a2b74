create or replace function public.fn_iu_live_routes_require(value text)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_stranger constant text := (
        select code from unnest(string_to_array(value, ',')) as code
        where not exists (select from public.iu_outbound_route as r where r.route_code = code)
        limit 1
    );
begin
    if v_stranger is not null then
        raise exception 'value % names a route that is not registered: %',
            quote_literal(left(value, 80)), left(v_stranger, 80) using
            errcode = 'IU202', hint = 'Register the route first, or leave it out of the list.';
    end if;
end
$$;
comment on function public.fn_iu_live_routes_require(text) is
'Raises IU202 if a list of live routes, separated by commas, names a route that is not registered.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_live_routes_require(text)', 'internal'
);
