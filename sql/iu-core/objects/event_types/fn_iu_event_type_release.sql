create or replace function public.fn_iu_event_type_release(event_type text)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_users text;
    v_count int;
begin
    select string_agg(u.route_code, ', ' order by u.route_code) filter (where u.place <= 20), count(*)
    into v_users, v_count
    from (
        select r.route_code, row_number() over (order by r.route_code) as place
        from (
            select o.route_code from public.iu_outbound_route as o
            where o.event_type = fn_iu_event_type_release.event_type
            union all
            select i.route_code from public.iu_inbound_route as i
            where i.target_event_type = fn_iu_event_type_release.event_type
        ) as r
    ) as u;
    if v_count > 0 then
        raise exception 'event type % is in use by % routes and captures',
            quote_literal(event_type), v_count using
            errcode = 'IU104',
            hint = format('Remove or change them first: %s. Or disable the type: iu type disable %s',
                v_users, event_type);
    end if;
end
$$;
comment on function public.fn_iu_event_type_release(text) is
'Raises IU104, with up to 20 names in the hint, if a route or a capture refers to an event type that is to be
removed or renamed.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_event_type_release(text)', 'internal'
);
