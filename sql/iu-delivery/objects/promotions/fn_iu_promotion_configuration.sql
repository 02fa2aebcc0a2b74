create or replace function public.fn_iu_promotion_configuration(event_type text)
returns bytea
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    return (
        select sha256(convert_to(concat_ws(E'\n', (
        select jsonb_strip_nulls(to_jsonb(r))::text from public.event_type_registry as r
        where r.event_type = fn_iu_promotion_configuration.event_type
    ), (
        select string_agg(jsonb_strip_nulls(to_jsonb(c))::text, E'\n' order by c.route_code)
        from public.iu_inbound_route as c
        where c.target_event_type = fn_iu_promotion_configuration.event_type
    )), 'UTF8'))
    );
end
$$;
comment on function public.fn_iu_promotion_configuration(text) is
'sha256 of the registration of an event type (its payload keys too) and of its captures. A promotion is valid
only while it is unchanged. Nulls are left out, so that a column that a later step adds as null ends no
promotion. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_configuration(text)', 'internal'
);
