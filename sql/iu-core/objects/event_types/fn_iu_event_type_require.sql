create or replace function public.fn_iu_event_type_require(event_type text)
returns public.event_type_registry
language plpgsql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    v_type public.event_type_registry;
begin
    select r.* into v_type from public.event_type_registry as r
    where r.event_type = fn_iu_event_type_require.event_type;
    if not found or not v_type.enabled then
        raise exception '% event type %',
            case when found then 'disabled' else 'unknown' end, quote_literal(event_type) using
            errcode = 'IU101',
            hint = coalesce(
                'Enabled: ' || public.fn_iu_event_type_names(enabled_only := true), 'No event type is enabled'
            ) || '. An administrator registers others with: iu type add';
    end if;
    return v_type;
end
$$;
comment on function public.fn_iu_event_type_require(text) is
'The registry row of an event type that may be emitted. Raises IU101, with enabled types in the hint, if it is
unknown or disabled.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_event_type_require(text)',
    'internal'
);
