-- name: differing_in_definition
-- The printed definition of a temporary function begins with its schema, which is replaced before comparing.
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
    )
union all
select t.relname::text
from pg_class as t
where
    t.relnamespace = pg_my_temp_schema() and t.relkind = 'v'
    and not exists (
        select from pg_class as c
        where
            c.relnamespace = 'public'::regnamespace and c.relname = t.relname and c.relkind = 'v'
            and pg_get_viewdef(c.oid) = pg_get_viewdef(t.oid)
            and c.reloptions is not distinct from t.reloptions
    );

-- name: bodies
select p.proname::text as name, p.prosrc as body
from pg_proc as p
where p.pronamespace = 'public'::regnamespace and p.proname = any(%(names)s)
union all
select c.relname::text, null
from pg_class as c
where c.relnamespace = 'public'::regnamespace and c.relkind = 'v' and c.relname = any(%(names)s);

-- name: undeclared
with declared as (
    select format('%%s %%s: %%s', d.kind, public.fn_iu_object_identity(d.kind, d.object), d.access) as entry
    from unnest(%(kinds)s::text[], %(objects)s::text[], %(access)s::text[]) as d (kind, object, access)
    union all
    select format('%%s to %%s: %%s', d.access, d.role_name, d.privileges)
    from
        unnest(%(classes)s::text[], %(roles)s::text[], %(privileges)s::text[])
            as d (access, role_name, privileges)
),

recorded as (
    select format('%%s %%s: %%s', o.kind, o.object, o.access) as entry
    from public.iu_schema_object as o
    where
        o.module = %(module)s and o.declared_by = %(step)s
        -- Access `record` creates this trigger; the verify file of the step covers it.
        and o.object not like 'create trigger trg_iu_append_only %%'
    union all
    select format('%%s to %%s: %%s', a.access, a.role_name, a.verbs)
    from public.iu_schema_access as a
    where a.module = %(module)s and a.declared_by = %(step)s
)

select differing.entry
from (
    (
        select d.entry from declared as d
        except
        select r.entry from recorded as r
    )
    union all
    (
        select r.entry from recorded as r
        except
        select d.entry from declared as d
    )
    union all
    select format('%%s: not declared', created.name)
    from unnest(%(created)s::text[]) as created (name)
    where not exists (
        select from public.iu_schema_object as o
        where o.module = %(module)s and split_part(o.object, '(', 1) = 'public.' || created.name
    )
) as differing
order by differing.entry;
