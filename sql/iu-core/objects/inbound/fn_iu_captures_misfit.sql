create or replace function public.fn_iu_captures_misfit()
returns text
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select string_agg(r.route_code || ' (' || f.difference || ')', ', ' order by r.route_code)
    from public.iu_inbound_route as r
    left join pg_catalog.pg_proc as p
        on p.oid = to_regprocedure(format('public.fn_iu_capture_%s()', r.capture_no))
    cross join lateral (
        select case
            when public.fn_iu_capture_table(r.source_table) is null then null
            when p.oid is null then 'missing'
            when p.prosrc is distinct from public.fn_iu_capture_body(r) then 'another body'
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
        end as difference
    ) as f
    where r.subject_columns is not null and f.difference is not null
$$;
comment on function public.fn_iu_captures_misfit() is
'The captures whose trigger function is missing, was edited, has another owner, or may be attached by PUBLIC,
with the difference; null if there is none. A capture whose table is missing is left out: its function never
runs.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_captures_misfit()', 'inspect');
