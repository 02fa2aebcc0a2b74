create or replace function public.fn_iu_probe_marked(relation regclass, mark text)
returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_columns constant text := (
        select string_agg(format('t.%I ^@ any ($1)', a.attname), ' or ') from pg_catalog.pg_attribute as a
        where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and a.atttypid = 'text'::regtype
    );
    v_pages constant bigint := pg_relation_size(relation) / current_setting('block_size')::bigint;
    v_found bigint := 0;
begin
    if v_columns is not null then
        execute format(
            'select count(*) from %s as t where t.ctid >= %L and (%s)',
            relation, format('(%s,0)', greatest(v_pages - 200, 0)), v_columns
        ) into v_found using array[mark, 'TEST/' || mark, replace(mark, 'iu_probe_', 'probe ')];
    end if;
    return v_found;
end
$$;
comment on function public.fn_iu_probe_marked(regclass, text) is
'Number of rows in the last 200 pages of a table that have a text beginning with the mark of a probe, in any
of the forms that probes write.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_probe_marked(regclass, text)', 'inspect'
);
