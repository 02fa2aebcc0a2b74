-- name: differing_wholly
-- A temporary function is printed under the name of its schema; every other word of the two is the same.
select t.proname::text as name
from pg_proc as t
where
    t.pronamespace = pg_my_temp_schema()
    and not exists (
        select from pg_proc as p
        where
            p.pronamespace = 'public'::regnamespace and p.proname = t.proname
            and pg_get_functiondef(p.oid) = regexp_replace(
                pg_get_functiondef(t.oid), '^CREATE OR REPLACE FUNCTION pg_temp(_\d+)?\.',
                'CREATE OR REPLACE FUNCTION public.'
            )
    );

-- name: bodies
select p.proname::text as name, p.prosrc as body
from pg_proc as p
where p.pronamespace = 'public'::regnamespace and p.proname = any(%(names)s);

-- name: undeclared
with declared as (
    select format('%%s %%s: %%s', d.kind, public.fn_iu_object_identity(d.kind, d.object), d.access) as entry
    from unnest(%(kinds)s::text[], %(objects)s::text[], %(access)s::text[]) as d (kind, object, access)
    union all
    select format('%%s to %%s: %%s', d.access, d.role_name, d.verbs)
    from unnest(%(classes)s::text[], %(roles)s::text[], %(verbs)s::text[]) as d (access, role_name, verbs)
),

kept as (
    select format('%%s %%s: %%s', o.kind, o.object, o.access) as entry
    from public.iu_schema_object as o
    where o.module = %(module)s
    union all
    select format('%%s to %%s: %%s', a.access, a.role_name, a.verbs)
    from public.iu_schema_access as a
    where a.module = %(module)s
)

select differing.entry
from (
    (
        select d.entry from declared as d
        except
        select k.entry from kept as k
    )
    union all
    (
        select k.entry from kept as k
        except
        select d.entry from declared as d
    )
) as differing
order by differing.entry;
