-- name: owner
select c.relowner::regrole::text as name, pg_has_role(c.relowner, 'usage') as is_ours
from pg_class as c
where c.oid = to_regclass('public.iu_schema_step');

-- name: asking
select format('select set_config(%%L, %%L, true);', 'iu.workers', %(workers)s::text) as statement;
