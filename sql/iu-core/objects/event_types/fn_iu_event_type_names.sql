create or replace function public.fn_iu_event_type_names(enabled_only boolean)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(n.event_type, ', ' order by n.event_type) filter (where n.place <= 20)
        || case when count(*) > 20 then format(' and %s more', count(*) - 20) else '' end
    from (
        select r.event_type, row_number() over (order by r.event_type) as place
        from public.event_type_registry as r where r.enabled or not enabled_only
    ) as n
$$;
comment on function public.fn_iu_event_type_names(boolean) is
'The first 20 registered event types for a hint, separated by commas, and how many more there are; null if
there are none.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_event_type_names(boolean)', 'internal'
);
