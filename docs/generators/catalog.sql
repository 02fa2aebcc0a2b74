-- The SQL of catalog.py.

-- name: functions
select
    p.proname::text as name,
    p.prorettype = 'trigger'::regtype as is_trigger,
    (
        select
            jsonb_agg(
                jsonb_build_object(
                    'name', coalesce(p.proargnames[t.place], ''),
                    'type', format_type(t.type, null),
                    'mode', coalesce(p.proargmodes[t.place], 'i'),
                    'default_value', pg_get_function_arg_default(p.oid, t.place::int)
                ) order by t.place
            )
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as t (type, place)
    ) as arguments,
    case when p.proretset then 'setof ' else '' end || format_type(p.prorettype, null) as result,
    case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
    p.prosecdef as is_definer,
    coalesce(obj_description(p.oid, 'pg_proc'), '') as comment,
    pg_get_functiondef(p.oid) as definition,
    array(
        select a.grantee::regrole::text as role
        from aclexplode(p.proacl) as a
        where a.privilege_type = 'EXECUTE' and a.grantee <> p.proowner and a.grantee <> 0
        order by role
    ) as roles
from public.iu_schema_object as o
inner join pg_catalog.pg_proc as p on p.oid = to_regprocedure(case o.kind when 'function' then o.object end)
order by p.proname;

-- name: relations
select
    c.relname::text as name,
    o.kind,
    o.access,
    coalesce(
        case when o.kind = 'type' then obj_description(c.reltype, 'pg_type') end,
        obj_description(c.oid, 'pg_class'), ''
    ) as comment,
    (
        select
            jsonb_agg(
                jsonb_build_object(
                    'name', a.attname,
                    'type', format_type(a.atttypid, a.atttypmod),
                    'is_nullable', not a.attnotnull,
                    'default_value', case a.attidentity
                        when '' then pg_get_expr(d.adbin, d.adrelid) else 'identity'
                    end,
                    'comment', coalesce(col_description(a.attrelid, a.attnum), '')
                ) order by a.attnum
            )
        from pg_catalog.pg_attribute as a
        left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns,
    (
        select
            coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'name', n.conname,
                        'kind', n.contype,
                        'definition', pg_get_constraintdef(n.oid, true),
                        'columns', array(
                            select a.attname
                            from unnest(n.conkey) with ordinality as k (attnum, place)
                            inner join pg_catalog.pg_attribute as a
                                on a.attrelid = n.conrelid and a.attnum = k.attnum
                            order by k.place
                        ),
                        'refers_to', case when n.contype = 'f' then n.confrelid::regclass end
                    ) order by array_position(array['p', 'u', 'f', 'c'], n.contype::text), n.conname
                ), '[]'
            )
        from pg_catalog.pg_constraint as n
        where n.conrelid = c.oid and n.contype in ('p', 'u', 'f', 'c')
    ) as constraints,
    array(
        select
            i.indexrelid::regclass::text || ' ' || regexp_replace(
                pg_get_indexdef(i.indexrelid), '^.* USING btree ', ''
            ) as unique_index
        from pg_catalog.pg_index as i
        where
            i.indrelid = c.oid and i.indisunique
            and not exists (
                select from pg_catalog.pg_constraint as n
                where n.conindid = i.indexrelid
            )
        order by i.indexrelid::regclass::text::name
    ) as unique_indexes,
    (
        select coalesce(jsonb_object_agg(g.role, g.verbs), '{}')
        from (
            select
                a.grantee::regrole::text as role,
                jsonb_agg(lower(a.privilege_type) order by a.privilege_type) as verbs
            from aclexplode(c.relacl) as a
            where o.kind <> 'type' and a.grantee <> c.relowner and a.grantee <> 0
            group by a.grantee
        ) as g
    ) as rights
from public.iu_schema_object as o
inner join pg_catalog.pg_class as c
    on
        c.oid = case
            when o.kind = 'type'
                then (
                    select t.typrelid from pg_catalog.pg_type as t
                    where t.oid = to_regtype(o.object)
                )
            else to_regclass(o.object)
        end
where o.kind in ('table', 'view', 'type')
order by c.relname;

-- name: settings
select
    c.key,
    c.value,
    c.value_pattern,
    c.description,
    g.key is not null as is_gate
from public.dot_config as c
left join public.fn_iu_gate_list() with ordinality as g (
    key, value, is_open, description, updated_at, updated_by, place
) on c.key = g.key
order by g.place, c.key::name;

-- name: thresholds
select
    threshold,
    initial_value,
    minimum,
    maximum,
    description
from public.iu_promotion_threshold
order by threshold;
