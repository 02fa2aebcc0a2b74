create or replace function public.fn_iu_object_rights(kind text, object text)
returns table (role_name text, verb text)
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select distinct coalesce(r.rolname::text, 'public'), lower(a.privilege_type)
    from (
        select p.proowner as owner, coalesce(p.proacl, acldefault('f', p.proowner)) as acl
        from pg_catalog.pg_proc as p where kind = 'function' and p.oid = to_regprocedure(object)
        union all
        select c.relowner, coalesce(c.relacl, acldefault('r', c.relowner))
        from pg_catalog.pg_class as c where kind in ('table', 'view') and c.oid = to_regclass(object)
        union all
        select c.relowner, t.attacl
        from pg_catalog.pg_attribute as t inner join pg_catalog.pg_class as c on c.oid = t.attrelid
        where kind in ('table', 'view') and c.oid = to_regclass(object)
    ) as o
    cross join lateral aclexplode(o.acl) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where a.grantee <> o.owner
        and (a.grantee = 0 or r.rolname in (select m.role_name from public.iu_schema_access as m))
$$;
comment on function public.fn_iu_object_rights(text, text) is
'The current privileges of PUBLIC and the roles of the matrix on an object and its columns, one privilege a
row. Privileges of other roles, which only an administrator can have granted, are not listed.';
