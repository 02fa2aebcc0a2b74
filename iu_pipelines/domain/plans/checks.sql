-- The SQL of checks.py.

-- name: tables
select
    given.name, cast(c.relkind as text) as kind, pg_catalog.pg_get_userbyid(c.relowner) as owner,
    pg_catalog.pg_has_role(c.relowner, 'usage') as may_attach,
    exists(
        select from pg_catalog.pg_index as i
        where i.indrelid = c.oid and i.indisprimary
    ) as has_key,
    array(
        select cast(a.attname as text) from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    ) as columns
from unnest(cast(%(names)s as text[])) as given (name)
inner join pg_catalog.pg_class as c
    on c.oid = to_regclass(format('%%I.%%I', split_part(given.name, '.', 1), split_part(given.name, '.', 2)))
where given.name like '%%.%%';

-- name: refused_keys
select given.name
from unnest(cast(%(names)s as text[])) as given (name)
where
    given.name ~* public.fn_iu_payload_key_regexp()
    or regexp_replace(given.name, '([a-z0-9])([A-Z])', '\1_\2', 'g') ~* public.fn_iu_payload_key_regexp();
