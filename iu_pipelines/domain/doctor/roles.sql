-- The SQL of roles.py.

-- name: login
select
    session_user::text as login, l.rolsuper as is_superuser,
    coalesce((
        select pg_has_role(c.relowner, 'usage') from pg_class as c
        where c.oid = to_regclass('public.iu_schema_step')
    ), false) as owns_schema,
    array(
        select r.rolname from pg_roles as r
        where r.rolname = any(%(roles)s) and pg_has_role(r.oid, 'member')
        order by array_position(%(roles)s::text[], r.rolname)
    ) as roles
from pg_roles as l
where l.rolname = session_user;

-- name: group_roles
select
    wanted.name, r.oid is not null as is_there, c.relowner::regrole::text as owner,
    coalesce(c.relowner = r.oid, false) as owns_schema,
    has_schema_privilege(r.oid, 'public', 'usage') as uses_schema,
    concat_ws(
        ' and ',
        case when r.rolsuper then 'is a superuser' end,
        case when r.rolcanlogin then 'can log in' end,
        case when r.rolcreaterole then 'creates roles' end,
        case when r.rolbypassrls then 'bypasses row security' end
    ) as powers
from unnest(%(roles)s::text[]) as wanted (name)
left join pg_roles as r on r.rolname = wanted.name
left join pg_class as c on c.oid = to_regclass('public.iu_schema_step');

-- name: owners
select r.rolname as name
from pg_roles as r
inner join pg_class as c on c.oid = to_regclass('public.iu_schema_step')
where r.rolcanlogin and not r.rolsuper and pg_has_role(r.oid, c.relowner, 'member')
order by r.rolname;

-- name: approvers
select r.rolname as name, string_agg(o.rolname, ', ' order by o.rolname) as others
from pg_roles as r
inner join pg_roles as a on a.rolname = 'iu_approver'
inner join pg_roles as o on o.rolname in ('workflow_admin', 'iu_sender', 'iu_emitter')
where
    r.rolcanlogin and not r.rolsuper
    and pg_has_role(r.oid, a.oid, 'member') and pg_has_role(r.oid, o.oid, 'member')
group by r.rolname
order by r.rolname;

-- name: public
select o.object, string_agg(r.verb, ', ' order by r.verb) as verbs
from public.iu_schema_object as o
cross join lateral public.fn_iu_object_rights(o.kind, o.object) as r
where r.role_name = 'public'
group by o.object
order by o.object;
