create or replace function public.fn_iu_subject_composite(source_table text, source_key text[])
returns uuid
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select public.fn_iu_subject(source_table, case
        when cardinality(source_key) = 1 then source_key[1]
        when array_position(source_key, null) is null then (
            select '[' || string_agg(to_json(k.part)::text, ',' order by k.place) || ']'
            from unnest(source_key) with ordinality as k (part, place)
        )
    end)
$$;
comment on function public.fn_iu_subject_composite(text, text[]) is
'The subject of an event for a row with a key of several columns: fn_iu_subject of the compact JSON array of
the values as strings, for example ["5","a"]. An array of one value is the value. Raises IU104.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_subject_composite(text, text[])', 'compute'
);
