create or replace function public.fn_iu_capture_columns(capture public.iu_inbound_route)
returns table (use text, name text)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select 'subject', unnest(capture.subject_columns)
    union all
    select 'address', m.part[1]
    from regexp_matches(capture.address_template, '\{([^{}]*)\}', 'g') as m (part)
    union all
    select format('payload key %L', left(p.key, 100)), p.value from jsonb_each_text(capture.payload_map) as p
    union all
    select 'when ' || c.key, k from jsonb_each(capture.condition) as c
    cross join lateral jsonb_object_keys(
        case jsonb_typeof(c.value) when 'object' then c.value else '{}' end
    ) as k
    union all
    select 'when ' || c.key, k from jsonb_each(capture.condition) as c
    cross join lateral jsonb_array_elements_text(
        case jsonb_typeof(c.value) when 'array' then c.value else '[]' end
    ) as k
$$;
comment on function public.fn_iu_capture_columns(public.iu_inbound_route) is
'The columns that a capture names, and in which part of it.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_columns(public.iu_inbound_route)', 'internal'
);
