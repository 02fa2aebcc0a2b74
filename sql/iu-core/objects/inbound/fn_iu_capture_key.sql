create or replace function public.fn_iu_capture_key(table_oid oid)
returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(a.attname::text order by k.place)
    from pg_catalog.pg_index as i
    cross join unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
    inner join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indrelid = table_oid and i.indisprimary and k.place <= i.indnkeyatts
$$;
comment on function public.fn_iu_capture_key(oid) is
'The columns of the primary key of a table, in its order; null if it has none.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_capture_key(oid)', 'internal');
