create or replace function public.fn_iu_module_writers(module text)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select string_agg(
        format('%s: %s on %s', w.grantee, w.privilege, w.name), ', ' order by w.grantee, w.privilege, w.name
    )
    from (
        select distinct a.grantee::regrole::text as grantee, lower(a.privilege_type) as privilege, c.name
        from (
            select k.relname as name, k.relowner as owner, x.acl
            from public.iu_schema_object as o
            inner join pg_catalog.pg_class as k
                on k.oid = to_regclass(case when o.kind <> 'function' then o.object end)
            cross join lateral (
                select k.relacl union all
                select t.attacl from pg_catalog.pg_attribute as t where t.attrelid = k.oid
            ) as x (acl)
            where o.module = fn_iu_module_writers.module and o.kind in ('table', 'view')
                and not exists (
                    select from public.iu_schema_access as m
                    where m.access = o.access and m.verbs ~ '(insert|update|delete)'
                )
        ) as c
        cross join lateral aclexplode(c.acl) as a
        where a.grantee <> c.owner
            and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
    ) as w
$$;
comment on function public.fn_iu_module_writers(text) is
'The roles that may write to a table or view of a module although the access matrix lets no role write to it,
as text; null if there is none. Checks all roles of the cluster, not only those of the matrix.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_module_writers(text)', 'inspect');
