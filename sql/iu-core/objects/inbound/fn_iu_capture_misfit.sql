create or replace function public.fn_iu_capture_misfit(capture public.iu_inbound_route)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when public.fn_iu_capture_table(capture.source_table) is null then null
        when m.columns <> '{}' then format(
            'reads columns that %s does not have: %s', capture.source_table, array_to_string(m.columns, ', ')
        )
        when p.oid is null then 'missing'
        when p.prosrc is distinct from public.fn_iu_capture_body(capture) then 'another body'
        when not p.prosecdef or not 'search_path=pg_catalog, pg_temp' = any (p.proconfig)
            then 'another header'
        when p.proowner <> (
            select l.relowner from pg_catalog.pg_class as l
            where l.oid = 'public.iu_schema_step'::regclass
        ) then 'another owner'
        when exists (
            select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
            where a.grantee = 0
        ) then 'PUBLIC may attach it'
    end
    from (select public.fn_iu_capture_missing_columns(capture)) as m (columns)
    left join pg_catalog.pg_proc as p
        on p.oid = to_regprocedure(format('public.fn_iu_capture_%s()', capture.capture_no))
    where capture.subject_columns is not null
$$;
comment on function public.fn_iu_capture_misfit(public.iu_inbound_route) is
'How the trigger function of a capture differs from the one that would be generated now; null if it does not,
or if the table is missing, because then it never runs.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_misfit(public.iu_inbound_route)', 'internal'
);
