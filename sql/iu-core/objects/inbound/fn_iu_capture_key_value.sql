create or replace function public.fn_iu_capture_key_value(table_oid oid, columns text[])
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case cardinality(columns)
        when 1 then public.fn_iu_capture_value(table_oid, columns[1], 'n', true)
        else '''['' || ' || string_agg(
            'to_json(' || public.fn_iu_capture_value(table_oid, c.name, 'n', true) || ')::text',
            ' || '','' || ' order by c.place
        ) || ' || '']'''
    end
    from unnest(columns) with ordinality as c (name, place)
$$;
comment on function public.fn_iu_capture_key_value(oid, text[]) is
'The expression for a key in the trigger function of a capture: the value of one column, or the compact JSON
array of several as strings; null if a value is.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_key_value(oid, text[])', 'internal'
);
