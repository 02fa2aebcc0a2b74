-- The SQL of schema.py. Each statement returns what is wrong as text or null, except row_security.

-- name: missing
select 'missing: ' || string_agg(o.object, ', ' order by o.object)
from public.iu_schema_object as o
where public.fn_iu_object_identity(o.kind, o.object) is null;

-- name: rights
select string_agg(m.object || ' (' || m.misfit || ')', ', ' order by m.object)
from (
    select o.object, public.fn_iu_object_misfit(o.kind, o.object, o.access) as misfit
    from public.iu_schema_object as o
) as m
where m.misfit is not null;

-- name: writers
select string_agg(w.said, ', ' order by w.said)
from (
    select public.fn_iu_module_writers(m.module) as said
    from (select distinct o.module from public.iu_schema_object as o) as m
) as w
where w.said is not null;

-- name: append_only
select 'tables that allow changes: ' || string_agg(o.object, ', ' order by o.object)
from public.iu_schema_object as o
where
    o.access = 'record'
    and not public.fn_iu_table_is_append_only(to_regclass(case when o.kind = 'table' then o.object end));

-- name: dry_run
select
    case when count(*) = 0 then 'the constraint dry_run_is_enforced of iu_outbound_route is missing' end
from pg_constraint as c
where
    c.conrelid = to_regclass('public.iu_outbound_route') and c.conname = 'dry_run_is_enforced'
    and c.contype = 'c' and c.convalidated;

-- name: values
select
    string_agg(
        c.key || ' = ' || quote_literal(left(c.value, 40)) || ', set by ' || c.updated_by || ' at '
        || c.updated_at, ', ' order by c.key
    )
from public.dot_config as c
where c.value !~ c.value_pattern;

-- name: row_security
select c.relname as name
from pg_class as c
where
    c.oid = any(array(select to_regclass(t.name) from unnest(%(tables)s::text[]) as t (name)))
    and (c.relrowsecurity or c.relforcerowsecurity)
order by c.relname;

-- name: triggers
select
    string_agg(
        t.tgname || ' on ' || t.tgrelid::regclass, ', ' order by t.tgrelid::regclass::text, t.tgname
    ) as names,
    string_agg(
        'alter table ' || t.tgrelid::regclass || ' enable trigger ' || quote_ident(t.tgname), '; '
        order by t.tgrelid::regclass::text, t.tgname
    ) as statements
from pg_trigger as t
inner join pg_proc as p on p.oid = t.tgfoid
where
    t.tgenabled not in ('O', 'A')
    and (
        (p.pronamespace = to_regnamespace('public') and p.proname ~ '^(fn|trg)_iu_')
        or t.tgrelid in (
            select to_regclass(case when o.kind = 'table' then o.object end) from public.iu_schema_object as o
        )
    );

-- name: captures
select public.fn_iu_captures_misfit();
